//! The Go host's figures.

use std::{error::Error, path::Path, process::Command};

use crate::plan::{Figures, Plan};

/// Lets a Go host measure a plugin, in a process of its own.
pub(crate) fn measure(
    plan: &Plan,
    host: &Path,
    plugin: &Path,
) -> Result<Figures, Box<dyn Error + Send + Sync>> {
    let count = |flag: &str, count: usize| format!("-{flag}={count}");
    let output = Command::new(host)
        .args([
            count("warmup", plan.warmup),
            count("unary", plan.unary),
            count("callers", plan.callers),
            count("calls", plan.calls),
            count("starts", plan.starts),
        ])
        .arg(plugin)
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("go-bench ended with {}: {said}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
