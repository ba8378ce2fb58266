//! Serving without a host having started the connector, for a debugger: the file through
//! which a host of the original finds it.
//!
//! ```text
//! {"protocol":"grpc","protocol_version":1,"network":"unix","addr":"/tmp/plugin123","pid":4711}
//! ```

use std::{
    fmt, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use outboard_go_plugin::{
    plugin::{ServeConfig, ServeError},
    reattach::ReattachConfig,
};
use serde_json::json;
use tokio::sync::Notify;

/// The variable that names the file.
pub(super) const REATTACH_OUT: &str = "WICK_PLUGIN_REATTACH_OUT";

/// Why a connector did not serve for a debugger.
#[derive(Debug)]
pub(super) enum DebuggerError {
    Serve(ServeError),
    Runtime(io::Error),
    File { path: PathBuf, error: io::Error },
}

impl fmt::Display for DebuggerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DebuggerError::Serve(error) => write!(formatter, "{error}"),
            DebuggerError::Runtime(error) => write!(formatter, "cannot start a runtime: {error}"),
            DebuggerError::File { path, error } => {
                write!(
                    formatter,
                    "cannot write {REATTACH_OUT} {}: {error}",
                    path.display()
                )
            }
        }
    }
}

/// Serves in test mode until SIGINT or SIGTERM, with the file there all the while.
pub(super) fn serve(config: ServeConfig, path: PathBuf) -> Result<(), DebuggerError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(DebuggerError::Runtime)?;
    let mut written: Option<io::Result<FileGuard>> = None;
    let failed = Notify::new();
    let outcome = runtime.block_on(async {
        let interrupted = interrupted().map_err(DebuggerError::Runtime)?;
        let announce = |reattach: &ReattachConfig| {
            let file = FileGuard::write(&path, &text(reattach));
            match &file {
                Ok(_) => {
                    let _ = writeln!(
                        io::stderr(),
                        "serving for a debugger, see {}",
                        path.display()
                    );
                }
                Err(_) => failed.notify_one(),
            }
            written = Some(file);
        };
        let until = async {
            tokio::select! {
                () = interrupted => {}
                () = failed.notified() => {}
            }
        };
        config
            .serve_in_test_mode(announce, until)
            .await
            .map_err(DebuggerError::Serve)
    });
    match written {
        Some(Err(error)) => Err(DebuggerError::File { path, error }),
        // Dropping it removes the file.
        Some(Ok(_)) | None => outcome,
    }
}

fn text(reattach: &ReattachConfig) -> String {
    json!({
        "protocol": "grpc",
        "protocol_version": reattach.protocol_version.unwrap_or(0),
        "network": reattach.address.network(),
        "addr": reattach.address.to_string(),
        "pid": std::process::id(),
    })
    .to_string()
}

/// Waits for SIGINT or SIGTERM, listening from now on.
fn interrupted() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    #[cfg(unix)]
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// The file, as long as this lives.
struct FileGuard {
    path: PathBuf,
    text: String,
}

impl FileGuard {
    /// Writes it as one, for the user alone: whoever could change it could have a host
    /// send its credentials elsewhere.
    fn write(path: &Path, text: &str) -> io::Result<FileGuard> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".tmp-{}", std::process::id()));
        let temporary = path.with_file_name(temporary);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let outcome = options
            .open(&temporary)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&temporary, path));
        if let Err(error) = outcome {
            // Nothing more can be done about it.
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        Ok(FileGuard {
            path: path.to_owned(),
            text: text.to_owned(),
        })
    }
}

impl Drop for FileGuard {
    fn drop(&mut self) {
        // Not if another one has taken the place meanwhile.
        if fs::read_to_string(&self.path).is_ok_and(|text| text == self.text) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
