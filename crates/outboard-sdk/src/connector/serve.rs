//! The whole `main` of a connector.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use outboard_contracts::connector::{MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE, PROTO_VERSION};
use outboard_go_plugin::{
    handshake::HandshakeConfig,
    plugin::{self, ServeConfig},
};

use super::{
    Connector, Fields, ManifestError,
    debugger::{self, REATTACH_OUT},
    limits, manifest,
    server::{ConnectorServer, new_server},
};
use crate::log;

/// Serves `connector` until the host ends it. This is the whole `main`:
///
/// ```no_run
/// use outboard_sdk::connector::{self, Connector, Context, Operation};
///
/// fn main() -> std::process::ExitCode {
///     connector::serve(Connector::<()>::new("dice", "Dice").category(
///         "Games",
///         "",
///         [Operation::new("roll", "Roll", |_: Context<()>, _: ()| async { Ok(4) })],
///     ))
/// }
/// ```
///
/// It brings a runtime of its own, on this thread. Unless the program has set one before,
/// it installs [`crate::log`] for `tracing`. When the host asks for the end, or on SIGTERM,
/// calls in flight get 0.9 s to finish, then the
/// [shutdown hook](Connector::on_shutdown) as long.
///
/// With the argument `--dump-manifest` it prints the `plugin.json` of this program in one
/// line instead, and ends; with `--sign-key FILE` beside it, signed. An error goes to
/// standard error, with exit code 1. Other arguments are passed over, as by the original.
///
/// Started by hand, it says that it is a plugin and returns a failure, unless
/// `WICK_PLUGIN_REATTACH_OUT` names a file: then it serves for a debugger's sake and
/// writes where into that file, for a host to reattach.
///
/// A connector that was [declared wrongly](Connector::check) is an error in any case.
///
/// # Panics
///
/// When called from within a tokio runtime.
pub fn serve<S: Fields>(connector: Connector<S>) -> ExitCode {
    match Arguments::read(std::env::args_os().skip(1)) {
        Ok(Arguments {
            dump_manifest: true,
            sign_key,
        }) => ended(print(&connector, sign_key)),
        Ok(_) => run(connector),
        Err(error) => ended(Err(error)),
    }
}

/// What the command line asks for.
#[derive(Debug, Default, PartialEq)]
struct Arguments {
    dump_manifest: bool,
    sign_key: Option<PathBuf>,
}

impl Arguments {
    fn read(words: impl IntoIterator<Item = OsString>) -> Result<Arguments, Failure> {
        let mut arguments = Arguments::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let key = match value_of(&word, "--sign-key=") {
                Some(key) => Some(key),
                None if word == "--sign-key" => Some(words.next().unwrap_or_default()),
                None => None,
            };
            if word == "--dump-manifest" {
                arguments.dump_manifest = true;
            } else if let Some(key) = key {
                // An empty one would leave the manifest unsigned without a word.
                if key.is_empty() {
                    return Err(Failure::NoKeyFile);
                }
                arguments.sign_key = Some(key.into());
            }
        }
        Ok(arguments)
    }
}

/// The rest of a word that begins with `prefix`.
fn value_of(word: &OsStr, prefix: &str) -> Option<OsString> {
    let rest = word.as_encoded_bytes().strip_prefix(prefix.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        Some(OsStr::from_bytes(rest).to_owned())
    }
    #[cfg(not(unix))]
    Some(String::from_utf8_lossy(rest).into_owned().into())
}

fn print<S: Fields>(connector: &Connector<S>, sign_key: Option<PathBuf>) -> Result<(), Failure> {
    let key = sign_key.map(|path| manifest::read_key(&path)).transpose()?;
    let manifest = manifest::build_self_manifest(connector, key.as_ref())?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", manifest.to_json())
        .and_then(|()| stdout.flush())
        .map_err(Failure::Print)
}

fn run<S: Fields>(connector: Connector<S>) -> ExitCode {
    log::install();
    let server = match new_server(connector) {
        Ok(server) => server,
        Err(error) => return ended(Err(ManifestError::from(error).into())),
    };
    limits::set_from_environment();
    let started_by_host =
        std::env::var_os(MAGIC_COOKIE_KEY).is_some_and(|value| value == MAGIC_COOKIE_VALUE);
    let config = config(server);
    let file = std::env::var_os(REATTACH_OUT).filter(|file| !file.is_empty());
    match file {
        // A host that did start it comes first.
        Some(file) if !started_by_host => {
            ended(debugger::serve(config, file.into()).map_err(Failure::Debugger))
        }
        _ => plugin::run(config),
    }
}

fn config<S: Fields>(server: ConnectorServer<S>) -> ServeConfig {
    let handshake = HandshakeConfig::new(MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE, PROTO_VERSION);
    let services = server.services();
    ServeConfig::versioned(handshake, [PROTO_VERSION], move |_| services.clone()).on_shutdown(
        move || {
            let server = server.clone();
            async move { server.shut_down().await }
        },
    )
}

/// Why the program did not do what it was asked for.
#[derive(Debug)]
enum Failure {
    NoKeyFile,
    Manifest(ManifestError),
    Print(io::Error),
    Debugger(debugger::DebuggerError),
}

impl From<ManifestError> for Failure {
    fn from(error: ManifestError) -> Failure {
        Failure::Manifest(error)
    }
}

fn ended(outcome: Result<(), Failure>) -> ExitCode {
    let text = match outcome {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::NoKeyFile) => "--sign-key needs the file of a private key".to_owned(),
        Err(Failure::Manifest(error)) => error.to_string(),
        Err(Failure::Print(error)) => format!("cannot print the manifest: {error}"),
        Err(Failure::Debugger(error)) => error.to_string(),
    };
    // Whoever closed standard error does not want to know.
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(words: &[&str]) -> Result<Arguments, Failure> {
        Arguments::read(words.iter().map(OsString::from))
    }

    #[test]
    fn both_forms_of_the_key_are_read_and_other_words_are_passed_over() {
        let signed = |key: &str| Arguments {
            dump_manifest: true,
            sign_key: Some(key.into()),
        };
        assert_eq!(
            read(&["--dump-manifest", "--sign-key", "a b"]).unwrap(),
            signed("a b")
        );
        assert_eq!(
            read(&["--sign-key=k=1", "-v", "x", "--dump-manifest"]).unwrap(),
            signed("k=1")
        );
        assert_eq!(
            read(&["dump-manifest", "--dump-manifests"]).unwrap(),
            Arguments::default()
        );
    }

    #[test]
    fn a_key_that_is_not_named_is_an_error_and_not_an_unsigned_manifest() {
        for words in [
            &["--dump-manifest", "--sign-key"][..],
            &["--sign-key=", "--dump-manifest"],
        ] {
            assert!(matches!(read(words), Err(Failure::NoKeyFile)), "{words:?}");
        }
    }
}
