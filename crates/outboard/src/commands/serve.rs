//! `outboard serve`: the engine, the plugins and the HTTP API, until somebody ends it.

use std::{fs, net::SocketAddr};

use outboard_server::{Access, HostPolicy, Server, Token};
use serde_json::json;
use tokio::{net::TcpListener, sync::watch};

use super::host::{self, WorkflowFile};
use crate::{
    error::{CliError, Exit},
    output::{Output, eprint_line, line, progress},
    server_file::ServerFile,
    settings::Settings,
};

pub(crate) fn run(settings: &Settings, output: &Output) -> Result<(), CliError> {
    let runtime = host::runtime()?;
    let served = runtime.block_on(serve(settings, output));
    // Nothing of ours may hold the process up any more.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    served
}

async fn serve(settings: &Settings, output: &Output) -> Result<(), CliError> {
    let address = settings.addr()?;
    let dev = settings.switch("dev")?;
    if !address.ip().is_loopback() && (dev || !settings.switch("allow_remote")?) {
        let why = if dev {
            "--dev is for this machine alone"
        } else {
            "it is not a loopback address"
        };
        return Err(CliError::new(
            Exit::Refused,
            "not_loopback",
            format!("refusing to listen on {address}: {why}"),
        )
        .hint("everybody who reaches it and has the token can run code here; --allow-remote if you mean it"));
    }
    let data_dir = settings.data_dir();
    fs::create_dir_all(&data_dir).map_err(|error| {
        CliError::failed(
            "data_dir",
            format!("cannot create {}: {error}", data_dir.display()),
        )
        .hint("choose another with --data-dir")
    })?;
    let _lock = lock(&data_dir)?;
    let file = match settings.workflow() {
        Some(path) => Some(WorkflowFile::read(&path, settings)?),
        None => None,
    };
    let listener = TcpListener::bind(address).await.map_err(|error| {
        CliError::failed("listen", format!("cannot listen on {address}: {error}"))
            .hint("another program has it, perhaps another server; choose one with --addr")
    })?;
    let bound = listener.local_addr().unwrap_or(address);

    // Signals count from here on, also while plugins start.
    let stop = interrupted();
    tokio::pin!(stop);
    let engine = host::engine(settings)?;
    let manager = host::manager(settings, &engine)?;
    let connectors = host::connectors(settings, &engine)?;
    let token = match dev {
        true => None,
        false => Some(Token::random().map_err(|error| CliError::failed("internal", error))?),
    };
    let access = Access::new(HostPolicy::new(bound, &settings.hosts()), token.clone());
    let server = Server::builder(manager.clone(), engine.clone(), access)
        .max_requests(settings.max_requests()?)
        .expects_workflow(file.is_some())
        .connectors(connectors.clone())
        .build();
    let server_file = ServerFile {
        address: bound.to_string(),
        token: token.map(|token| token.secret().to_owned()),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let written = server_file.write(&data_dir).map_err(|error| {
        let path = ServerFile::path(&data_dir);
        CliError::failed(
            "server_file",
            format!("cannot write {}: {error}", path.display()),
        )
    })?;

    connectors.run();
    let drain = settings.duration("drain_timeout")?;
    let (begin, begun) = watch::channel(false);
    let has_begun = || {
        let mut begun = begun.clone();
        async move {
            // An error means that nobody can say so any more: then it is over too.
            let _ = begun.wait_for(|begun| *begun).await;
        }
    };
    let ask = async {
        stop.await;
        if !output.is_json() {
            eprint_line("stopping; once more to stop at once");
        }
        begin.send_replace(true);
        // Whoever asks twice does not want to wait.
        interrupted().await;
    };
    let control = server.plugins().clone();
    let requests = server.serve(listener, has_begun(), drain);
    // It answers from here on; /readyz says when the workflow runs.
    let work = async {
        let start = async {
            match &file {
                Some(file) => {
                    progress(&format!("starting what {} needs", file.path.display()));
                    host::start(file, &control, &engine).await
                }
                None => Ok(()),
            }
        };
        let started = tokio::select! {
            started = start => started.map(|()| true),
            () = has_begun() => Ok(false),
        };
        match started {
            Ok(true) => {
                announce(bound, dev, settings, output);
                has_begun().await;
            }
            // Without its workflow it is of no use.
            _ => drop(begin.send_replace(true)),
        }
        // Runs that nobody waits for over HTTP get the same time, not their own after it.
        engine.stop().await;
        started.map(drop)
    };
    let orderly = async {
        let (served, worked) = tokio::join!(requests, work);
        tokio::join!(manager.shutdown(), connectors.shut_down());
        worked?;
        served.map_err(|error| CliError::failed("listen", error))
    };
    let served = tokio::select! {
        served = orderly => served,
        // What is dropped on the way out kills the plugins.
        () = ask => Err(CliError::failed("aborted", "stopped at once; what was running was cut off")),
    };
    drop(written);
    served
}

fn announce(bound: SocketAddr, dev: bool, settings: &Settings, output: &Output) {
    let url = format!("http://{bound}");
    if output.is_json() {
        let data_dir = settings.data_dir();
        output.json_line(&json!({
            "event": "ready", "url": url, "pid": std::process::id(), "data_dir": data_dir,
        }));
        return;
    }
    line(&format!("listening on {url}"));
    let access = match dev {
        true => "no token needed: every program on this machine may call it",
        false => "the token is in server.json; the outboard command finds it by itself",
    };
    line(&format!(
        "data in {}; {access}",
        settings.data_dir().display()
    ));
    if settings.workflow().is_none() {
        line("no workflow file: `outboard serve --workflow FILE.yaml` runs its pipelines");
    }
}

/// One server for a data directory.
fn lock(data_dir: &std::path::Path) -> Result<fs::File, CliError> {
    let path = data_dir.join("serve.lock");
    let cannot = |error: std::io::Error| {
        CliError::failed(
            "data_dir",
            format!("cannot lock {}: {error}", path.display()),
        )
    };
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(CliError::failed(
            "already_running",
            format!("a server runs on {} already", data_dir.display()),
        )
        .hint("stop it, or choose another data directory with --data-dir")),
        Err(fs::TryLockError::Error(error)) => Err(cannot(error)),
    }
}

/// Catches SIGTERM and SIGINT from the call on; what it returns is ready at the next.
pub(super) fn interrupted() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    // Here, not in the future: nobody looks at it until the server is ready.
    let caught = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = caught else {
            // Without handlers the signals do what they do by default.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}
