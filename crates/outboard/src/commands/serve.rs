//! `outboard serve`: the engine, the plugins and the HTTP API, until somebody ends it.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use outboard_server::{
    About, Access, HostPolicy, NewToken, PluginStates, Server, ServerTls, SettingInfo, Token,
    UiPluginManager,
};
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
    let tls = tls(settings)?;
    let guarded = tls.is_some() || settings.switch("allow_remote")?;
    if !address.ip().is_loopback() && (dev || !guarded) {
        let (why, hint) = if dev {
            (
                "--dev is for this machine alone",
                "leave --dev out: then callers need a token",
            )
        } else {
            (
                "it is not a loopback address, and the server speaks no TLS",
                "give it a certificate with --tls-cert and --tls-key, or say --allow-remote: then everybody on the way can read tokens, and run code here with them",
            )
        };
        return Err(CliError::new(
            Exit::Refused,
            "not_loopback",
            format!("refusing to listen on {address}: {why}"),
        )
        .hint(hint));
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
    let database = Arc::new(host::database(settings)?);
    let states = PluginStates::open(Arc::clone(&database))
        .map_err(|error| CliError::failed("database", error))?;
    let access = Access::builder(HostPolicy::new(bound, &settings.hosts()), token.clone())
        .database(database)
        .requests_per_second(settings.requests_per_second()?)
        .build()
        .map_err(host::of_access)?;
    let mut server = Server::builder(manager.clone(), engine.clone(), access.clone())
        .max_requests(settings.max_requests()?)
        .expects_workflow(file.is_some())
        .connectors(connectors.clone())
        .plugin_states(Arc::new(states))
        .about(about(settings));
    let speaks_tls = tls.is_some();
    if let Some(tls) = tls {
        server = server.tls(tls);
    }
    let server = server.build();
    let server_file = ServerFile {
        address: reachable(bound).to_string(),
        tls: speaks_tls,
        token: token.map(|token| token.secret().to_owned()),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let url = server_file.url();
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
    let pages = server.ui_plugins().clone();
    let requests = server.serve(listener, has_begun(), drain);
    // It answers from here on; /readyz says when the workflow runs.
    let work = async {
        let start = async {
            load_pages(&pages).await;
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
        let started = match started {
            // Not before it can be shown.
            Ok(true) => first_admin(access).await.map(Some),
            Ok(false) => Ok(None),
            Err(error) => Err(error),
        };
        match &started {
            Ok(Some(first)) => {
                announce(&url, first.as_ref(), dev, settings, output);
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

/// Loads the pages that plugins bring. What is wrong with some of them is no reason not to
/// serve: the log says it, and the list of UI plugins does.
async fn load_pages(pages: &UiPluginManager) {
    match pages.load_all().await {
        Ok(failed) => {
            for (plugin, error) in failed {
                tracing::warn!(plugin, %error, "a UI plugin is not shown");
            }
        }
        Err(error) => tracing::warn!(%error, "no UI plugin is shown"),
    }
}

/// What the pages say about this server.
fn about(settings: &Settings) -> About {
    let data_dir = settings.data_dir();
    let shown = settings.all().map(|setting| SettingInfo {
        name: setting.name.to_owned(),
        value: setting.value.clone(),
        source: setting.source.to_string(),
        help: setting.help.to_owned(),
    });
    About::new(&data_dir, shown.collect()).with_checks(move || super::doctor::machine(&data_dir))
}

/// What the server shows where TLS is spoken.
fn tls(settings: &Settings) -> Result<Option<ServerTls>, CliError> {
    let Some((certificate, key)) = settings.tls_files()? else {
        return Ok(None);
    };
    let read = ServerTls::read(&certificate, &key);
    read.map(Some).map_err(|error| {
        CliError::new(Exit::Usage, "tls", error)
            .hint("tls_cert is the server's certificate and those above it, tls_key its key, both in PEM form")
    })
}

/// Where programs of this machine reach a server that listens on all addresses.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let here: IpAddr = match bound.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    SocketAddr::new(here, bound.port())
}

/// The first admin's token, if there never was any token here.
async fn first_admin(access: Access) -> Result<Option<NewToken>, CliError> {
    let made = tokio::task::spawn_blocking(move || access.create_first_admin()).await;
    let made = made.map_err(|error| CliError::failed("internal", error))?;
    made.map_err(host::of_access)
}

fn announce(url: &str, first: Option<&NewToken>, dev: bool, settings: &Settings, output: &Output) {
    if output.is_json() {
        let mut ready = json!({
            "event": "ready", "url": url, "pid": std::process::id(), "data_dir": settings.data_dir(),
        });
        if let Some(first) = first {
            ready["first_admin_token"] = first.token.clone().into();
        }
        output.json_line(&ready);
        return;
    }
    line(&format!("listening on {url}"));
    let access = match dev {
        true => "no token needed: every program on this machine may call it",
        false => "`outboard open` opens its pages; the outboard command finds its token by itself",
    };
    line(&format!(
        "data in {}; {access}",
        settings.data_dir().display()
    ));
    if let Some(first) = first {
        let NewToken { token, info } = first;
        line(&format!(
            "the first token, for an admin elsewhere, shown this once: {token} (named {})",
            info.name
        ));
    }
    if settings.workflow().is_none() {
        line("no workflow file: `outboard serve --workflow FILE.yaml` runs its pipelines");
    }
}

/// One server for a data directory, or one command that changes what servers read once.
pub(super) fn lock(data_dir: &std::path::Path) -> Result<fs::File, CliError> {
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
