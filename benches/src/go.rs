//! The Go host's figures.

use std::{path::Path, process::Command};

use crate::{
    Failure,
    plan::{Amounts, Figures, Pair, Program, Wire},
};

/// Lets a Go host measure a plugin, in a process of its own.
pub(crate) fn measure(
    amounts: &Amounts,
    pair: Pair,
    host: &Path,
    plugin: &Path,
) -> Result<Figures, Failure> {
    let count = |flag: &str, count: usize| format!("-{flag}={count}");
    let service = match pair.program {
        Program::Kitchen | Program::Hello => "workflow",
        Program::Bench => "bench",
        Program::Connector => "connector",
    };
    let output = Command::new(host)
        .arg(format!("-service={service}"))
        .arg(format!("-tls={}", pair.wire == Wire::AutoMtls))
        .arg(format!("-mux={}", pair.multiplexed))
        .args([
            count("warmup", amounts.warmup),
            count("unary", amounts.unary),
            count("callers", amounts.callers),
            count("calls", amounts.calls),
            count("starts", amounts.starts),
            count("streams", amounts.streams),
            count("chunks", amounts.chunks),
            count("chunk-size", amounts.chunk_size),
            count("dials", amounts.dials),
            count("brokered", amounts.brokered),
        ])
        .arg(plugin)
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("go-bench ended with {}: {said}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
