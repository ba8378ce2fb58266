//! What is measured of our host and of no other.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use outboard_connector::store::Store;
use outboard_contracts::connector::Manifest;
use tempfile::TempDir;

use super::{connector::Larder, millis};
use crate::{
    Failure,
    plan::{Amounts, Maker, Own, Program},
    programs::Programs,
};

/// How many connectors are listed.
const INSTALLED: usize = 1_000;

/// The key of the slow connector.
const SLOW_KEY: &str = "slow";

/// How long the slow connector takes to start.
const SLOW: Duration = Duration::from_secs(5);

/// Measures what is wanted of it once.
pub(crate) fn alone(
    amounts: &Amounts,
    wanted: &BTreeSet<Own>,
    programs: &Programs,
) -> Result<Vec<(Own, f64)>, Failure> {
    let connector = programs.plugin(Program::Connector, Maker::Us);
    let mut figures = Vec::new();
    if wanted.contains(&Own::Listed) {
        figures.push((Own::Listed, listed(connector)?));
    }
    if wanted.contains(&Own::PooledP99) || wanted.contains(&Own::PooledP99BesideSlowStart) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (without, beside) = runtime.block_on(p99s(amounts, connector))?;
        figures.push((Own::PooledP99, without));
        figures.push((Own::PooledP99BesideSlowStart, beside));
    }
    Ok(figures)
}

/// The list of a store that nobody has listed before, as a command makes it.
fn listed(connector: &Path) -> Result<f64, Failure> {
    let directory = TempDir::new()?;
    let connectors = directory.path().join("connectors");
    let dumped = Command::new(connector).arg("--dump-manifest").output()?;
    let mut manifest = Manifest::parse(&dumped.stdout)?;
    for number in 0..INSTALLED {
        manifest.module.meta.key = format!("larder_{number}");
        install(&connectors, &manifest)?;
    }
    let store = Store::open(&connectors, &directory.path().join("outboard.lock"))?;
    let begun = Instant::now();
    let found = store.scan();
    let elapsed = begun.elapsed();
    if found.len() != INSTALLED {
        return Err(format!(
            "{} connectors were listed instead of {INSTALLED}",
            found.len()
        )
        .into());
    }
    for found in found {
        found.installed?;
    }
    Ok(millis(elapsed))
}

/// Lays a connector where an installation puts it. The program is of no account: a list
/// starts none and reads none.
fn install(connectors: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let directory = connectors.join(manifest.key());
    let version = directory.join("versions").join(&manifest.version);
    fs::create_dir_all(&version)?;
    fs::write(directory.join("current"), format!("{}\n", manifest.version))?;
    fs::write(version.join("plugin.json"), manifest.to_json_pretty())?;
    executable(&version.join(&manifest.entry), "")
}

/// The slowest hundredth of calls through a pool, without and with a connector in it that
/// takes five seconds to start.
async fn p99s(amounts: &Amounts, connector: &Path) -> Result<(f64, f64), Failure> {
    let larder = Larder::new(connector)?;
    let directory = TempDir::new()?;
    larder.place(SLOW_KEY, &slow(directory.path(), connector)?)?;
    for _ in 0..amounts.warmup {
        larder.echo().await?;
    }
    let without = p99_until(&larder, tokio::time::sleep(Duration::from_secs(1))).await?;
    let starting = {
        let larder = larder.clone();
        tokio::spawn(async move { larder.start(SLOW_KEY).await })
    };
    let mut took = Ok(Duration::ZERO);
    let started = async {
        took = match starting.await {
            Ok(took) => took,
            Err(error) => Err(error.into()),
        };
    };
    let beside = p99_until(&larder, started).await?;
    let took = took?;
    larder.shutdown().await;
    match took >= SLOW {
        true => Ok((without, beside)),
        false => Err(format!("the slow connector took only {took:?}").into()),
    }
}

/// Calls one after the other until something is over.
async fn p99_until(larder: &Larder, over: impl Future<Output = ()>) -> Result<f64, Failure> {
    let mut over = std::pin::pin!(over);
    let mut times = Vec::new();
    loop {
        let begun = Instant::now();
        larder.echo().await?;
        times.push(begun.elapsed());
        let now = futures_util::future::poll_immediate(over.as_mut()).await;
        if now.is_some() {
            break;
        }
    }
    times.sort_unstable();
    Ok(millis(times[times.len() * 99 / 100]))
}

/// A program that waits before it becomes the connector.
fn slow(directory: &Path, connector: &Path) -> Result<PathBuf, Failure> {
    let path = directory.join("slow");
    let connector = connector.display();
    let seconds = SLOW.as_secs();
    let script = format!("#!/bin/sh\nsleep {seconds}\nexec '{connector}' --key {SLOW_KEY}\n");
    executable(&path, &script)?;
    Ok(path)
}

fn executable(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}
