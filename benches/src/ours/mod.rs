//! Our host's figures, measured as `go-bench` measures the Go host's.

mod alone;
mod broker;
mod calls;
mod connector;
mod streams;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use outboard_go_plugin::host::{PluginProcess, PluginSpec, TlsMode};
use outboard_interop::host;
use tokio::runtime;

pub(crate) use self::alone::alone;
use self::{calls::Calls, connector::Larder};
use crate::{
    Failure,
    plan::{Amounts, Caller, Figure, Figures, Pair, Program, Wire},
    report::median_of,
};

/// Measures a plugin from our host.
pub(crate) fn measure(amounts: &Amounts, pair: Pair, plugin: &Path) -> Result<Figures, Failure> {
    let amounts = amounts.clone();
    let spec = spec(pair, plugin);
    let plugin = plugin.to_owned();
    let work = async move {
        match pair.program {
            Program::Connector => operations(&amounts, &plugin).await,
            _ => everything(&amounts, pair, &spec).await,
        }
    };
    match pair.caller {
        Caller::CurrentThread => runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(work),
        Caller::MultiThread => {
            let runtime = runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()?;
            runtime.block_on(async { tokio::spawn(work).await })?
        }
    }
}

fn spec(pair: Pair, plugin: &Path) -> PluginSpec {
    let handshake = match pair.program {
        Program::Kitchen | Program::Hello => host::handshake(),
        Program::Bench => outboard_bench::handshake(),
        Program::Connector => outboard_interop::connector::handshake(),
    };
    PluginSpec::new("bench", plugin, handshake)
        .tls(match pair.wire {
            Wire::Plain => TlsMode::Plaintext,
            Wire::AutoMtls => TlsMode::Auto,
        })
        .multiplexed_broker(pair.multiplexed)
}

async fn everything(amounts: &Amounts, pair: Pair, spec: &PluginSpec) -> Result<Figures, Failure> {
    let mut figures = Figures::new();
    let process = spec.start().await?;
    if process.is_encrypted() != (pair.wire == Wire::AutoMtls) {
        return Err("the connection is not protected as it should be".into());
    }
    if amounts.unary > 0 || amounts.calls > 0 {
        calls(amounts, pair, &process, &mut figures).await?;
    }
    if amounts.streams > 0 {
        streams::measure(amounts, &process, &mut figures).await?;
    }
    if amounts.dials > 0 || amounts.brokered > 0 {
        broker::measure(amounts, &process, &mut figures).await?;
    }
    process.stop().await;
    if amounts.starts > 0 {
        starts(amounts, pair, spec, &mut figures).await?;
    }
    Ok(figures)
}

async fn calls(
    amounts: &Amounts,
    pair: Pair,
    process: &PluginProcess,
    figures: &mut Figures,
) -> Result<(), Failure> {
    if pair.program == Program::Hello {
        for _ in 0..amounts.warmup {
            calls::first(pair.program, process.channel()).await?;
        }
        figures.insert(Figure::RssMib, resident_mebibytes(process)?);
        return Ok(());
    }
    let mut calls = Calls::new(pair.program, process.channel()).await?;
    times(amounts, &mut calls, figures).await?;
    figures.insert(Figure::RssMib, resident_mebibytes(process)?);
    Ok(())
}

/// A connector's operations. The pool owns its process, so nothing is asked of that.
async fn operations(amounts: &Amounts, program: &Path) -> Result<Figures, Failure> {
    let mut figures = Figures::new();
    let larder = Larder::new(program)?;
    let mut calls = Calls::Operation(larder.clone());
    times(amounts, &mut calls, &mut figures).await?;
    if amounts.streams > 0 {
        larder.results(amounts, &mut figures).await?;
    }
    larder.shutdown().await;
    Ok(figures)
}

/// Calls one after the other, and many at once.
async fn times(amounts: &Amounts, calls: &mut Calls, figures: &mut Figures) -> Result<(), Failure> {
    if amounts.unary == 0 && amounts.calls == 0 {
        return Ok(());
    }
    for _ in 0..amounts.warmup {
        calls.one().await?;
    }
    if amounts.unary > 0 {
        let mut times = Vec::with_capacity(amounts.unary);
        for _ in 0..amounts.unary {
            let begun = Instant::now();
            calls.one().await?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let percentile = |hundredths: usize| micros(times[times.len() * hundredths / 100]);
        figures.insert(Figure::UnaryP50Us, percentile(50));
        figures.insert(Figure::UnaryP99Us, percentile(99));
    }
    if amounts.calls > 0 {
        let rate = calls.together(amounts.callers, amounts.calls).await?;
        figures.insert(Figure::CallsPerSecond, rate);
    }
    Ok(())
}

async fn starts(
    amounts: &Amounts,
    pair: Pair,
    spec: &PluginSpec,
    figures: &mut Figures,
) -> Result<(), Failure> {
    let (mut starts, mut stops) = (Vec::new(), Vec::new());
    for _ in 0..amounts.starts {
        let begun = Instant::now();
        let process = spec.start().await?;
        calls::first(pair.program, process.channel()).await?;
        starts.push(millis(begun.elapsed()));
        let begun = Instant::now();
        process.stop().await;
        stops.push(millis(begun.elapsed()));
    }
    figures.insert(Figure::StartMs, median_of(starts));
    figures.insert(Figure::StopMs, median_of(stops));
    Ok(())
}

fn resident_mebibytes(process: &PluginProcess) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid()))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .ok_or("the kernel does not say how much memory the plugin has")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes / 1024.0)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
