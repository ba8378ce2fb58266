//! The whole `main` of a plugin, and the little that must happen before it.

use std::process::ExitCode;

use outboard_contracts::workflow::{MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE, PROTOCOL_VERSION};
use outboard_go_plugin::{
    handshake::HandshakeConfig,
    plugin::{self, ServeConfig},
};

use super::{PluginProvider, PluginServer, ui_file};
use crate::log;

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
/// installs [`crate::log`] for `tracing`. A plugin with pages gets its `ui.json`; see
/// [`PluginProvider::ui_manifest`]. When the host asks for the end, or on SIGTERM,
/// calls that are running get 0.9 s to finish, then modules that still run get as
/// long to stop. Started by hand, it says that it is a plugin and returns a failure.
///
/// # Panics
///
/// When called from within a tokio runtime.
pub fn serve(provider: impl PluginProvider) -> ExitCode {
    log::install();
    // Whoever starts it by hand has not installed it.
    if std::env::var(MAGIC_COOKIE_KEY).is_ok_and(|cookie| cookie == MAGIC_COOKIE_VALUE) {
        ui_file::write(&provider);
    }
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
