//! The whole `main` of a plugin, and the little that must happen before it.

use std::process::ExitCode;

use outboard_contracts::workflow::{MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE, PROTOCOL_VERSION};
use outboard_go_plugin::{
    handshake::HandshakeConfig,
    plugin::{self, ServeConfig},
};

use super::{PluginProvider, PluginServer};
use crate::log;

ctor::declarative::ctor! {
    /// Until the handshake is done, standard output belongs to it. Anything that prints
    /// before [`serve`] would break it, also an initializer of a dependency, so
    /// standard output is moved away before all of those run.
    #[ctor(unsafe, priority = 101)]
    fn take_over_stdout_before_anything_prints() {
        if std::env::var_os(MAGIC_COOKIE_KEY).is_some_and(|value| value == MAGIC_COOKIE_VALUE) {
            // `serve` tries again and says what is wrong.
            let _ = plugin::take_over_stdout();
        }
    }
}

/// Serves `provider` until the host ends it. This is the whole `main`:
///
/// ```no_run
/// # use outboard_sdk::workflow::{Manifest, Plugin};
/// fn main() -> std::process::ExitCode {
///     outboard_sdk::workflow::serve(Plugin::new(Manifest::new("hello", "1.0.0")))
/// }
/// ```
///
/// It brings a runtime of its own, on this thread. Unless the program has set one before, it
/// installs [`crate::log`] for `tracing`. When the host asks for the end, or on SIGTERM,
/// calls that are running get 0.9 s to finish, then modules that still run get as
/// long to stop. Started by hand, it says that it is a plugin and returns a failure.
///
/// # Panics
///
/// When called from within a tokio runtime.
pub fn serve(provider: impl PluginProvider) -> ExitCode {
    log::install();
    let server = PluginServer::new(provider);
    let handshake = HandshakeConfig::new(MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE, PROTOCOL_VERSION);
    let serving = server.clone();
    let config = ServeConfig::versioned(handshake, [PROTOCOL_VERSION], move |context| {
        serving.clone().with_broker(context.broker()).services()
    })
    .on_shutdown(move || {
        let server = server.clone();
        async move { server.shut_down().await }
    });
    plugin::run(config)
}
