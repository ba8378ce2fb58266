//! Why there is no lease, and why a connector did not start.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use outboard_contracts::connector::KeyError;
use outboard_go_plugin::host::StartError;

use super::policy::WaitReason;
use crate::client::CallError;

/// What the pool could not do.
///
/// Cloning is cheap: everybody who waits for a start that fails gets the same failure.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The key can name no connector.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The checksum of the program is not one of SHA-256.
    #[error(
        "the checksum of plugin {plugin:?} is not 64 hexadecimal digits of SHA-256; install it \
         again"
    )]
    Checksum {
        /// The connector.
        plugin: String,
    },
    /// The pool has no program for that key: it is not installed, or disabled.
    #[error("there is no plugin {plugin:?}; install it, or enable it")]
    Unknown {
        /// The key.
        plugin: String,
    },
    /// It was removed or disabled while the caller waited.
    #[error("plugin {plugin:?} was removed or disabled")]
    Removed {
        /// The connector.
        plugin: String,
    },
    /// Its start failed.
    #[error(transparent)]
    Start(Arc<StartFailure>),
    /// It has failed too often, and is left alone for a while.
    #[error(
        "plugin {plugin:?} has failed {failures} times in a row and is not started again for \
         {retry_after:.1?}{}; see its log, or install another version", because(.last_error)
    )]
    Resting {
        /// The connector.
        plugin: String,
        /// How many times in a row.
        failures: u32,
        /// Until the next start is allowed.
        retry_after: Duration,
        /// What went wrong the last time.
        last_error: Option<Arc<str>>,
    },
    /// As many callers wait for it already as may.
    #[error(
        "{limit} calls wait for plugin {plugin:?} already; call it less often, or raise the limit"
    )]
    QueueFull {
        /// The connector.
        plugin: String,
        /// How many may wait for one connector.
        limit: usize,
    },
    /// The caller's deadline passed before it was its turn.
    #[error("plugin {plugin:?} could not be used within {waited:.1?}: {}", explain(.reason, .plugin))]
    Timeout {
        /// The connector.
        plugin: String,
        /// How long the caller waited.
        waited: Duration,
        /// For what.
        reason: WaitReason,
    },
    /// The pool is shutting down.
    #[error("the connectors are shutting down; start the server again")]
    ShuttingDown,
}

fn because(error: &Option<Arc<str>>) -> String {
    error
        .as_ref()
        .map_or_else(String::new, |error| format!(": {error}"))
}

fn explain(reason: &WaitReason, plugin: &str) -> String {
    match reason {
        WaitReason::Starting => format!("it is still starting; see the log of {plugin:?}"),
        WaitReason::Slot => {
            "as many other connectors run as may at once; raise the cap, or call fewer".to_owned()
        }
        WaitReason::Concurrency => {
            "it has as many calls as it may have at once; wait for some, or raise the limit"
                .to_owned()
        }
        WaitReason::Check => "it is being asked whether it is well".to_owned(),
    }
}

/// A connector that did not start. No process of it is left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartFailure {
    /// Its working directory could not be made.
    #[error("plugin {plugin:?} did not start: its data directory {path} is unusable: {error}")]
    Directory {
        /// The connector.
        plugin: String,
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        error: io::Error,
    },
    /// Its process did not come up: the program is missing or another one than was
    /// verified, it printed no handshake, it has no AutoMTLS, it took too long.
    #[error(transparent)]
    Process(StartError),
    /// It came up, and serves something that is no connector.
    #[error(
        "plugin {plugin:?} did not start: it serves gRPC and not the service \
         wick.connector.v1.Connector; build it with a connector SDK"
    )]
    NotAConnector {
        /// The connector.
        plugin: String,
    },
    /// It calls itself by another key than the one that it is installed under.
    #[error(
        "plugin {plugin:?} did not start: its program says that it is {says:?}; install it again \
         from its author's package"
    )]
    OtherConnector {
        /// The connector.
        plugin: String,
        /// The key that it gives itself.
        says: String,
    },
    /// It came up, and failed at the first call.
    #[error("plugin {plugin:?} did not start: it failed at its first call: {error}")]
    FirstCall {
        /// The connector.
        plugin: String,
        /// How.
        #[source]
        error: CallError,
    },
}
