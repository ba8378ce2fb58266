//! Serving without a host having started it: for a debugger, and for tests.
//!
//! ```text
//! $ OUTBOARD_TEST_MODE=registry.terraform.io/example/kv ./kv-plugin
//! TF_REATTACH_PROVIDERS='{"registry.terraform.io/example/kv":{"Protocol":"grpc", …}}'
//! ```

use std::{env, future::Future, io::Write as _};

use super::{
    ServeConfig, ServeError,
    serve::{Ground, Signals, failed},
    stdout::Printed,
};
use crate::{
    environment,
    reattach::{ReattachConfig, TF_REATTACH_PROVIDERS},
    transport::Sockets,
};

impl ServeConfig {
    /// Serves a plugin that was started by hand, such as under a debugger, and
    /// to which hosts *reattach*. There is no cookie to check, no handshake and
    /// no AutoMTLS; what it prints stays where it is. `announce` gets what a
    /// host needs to know, as soon as it can connect.
    ///
    /// Ends when `until` does, or when a host asks for it; hosts in test mode
    /// do not. [`run`](super::run) does this by itself when `OUTBOARD_TEST_MODE`
    /// is set and no host has started the process.
    ///
    /// # Errors
    ///
    /// See [`ServeError`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with IO and time enabled.
    pub async fn serve_in_test_mode(
        self,
        announce: impl FnOnce(&ReattachConfig),
        until: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let version = self.version()?;
        let sockets = Sockets::from_environment(self.network).map_err(failed("listen"))?;
        let listener = sockets.listen().await.map_err(failed("listen"))?;
        let mut config = ReattachConfig::new(listener.address().clone());
        config.protocol_version = Some(version);
        config.pid = Some(std::process::id());
        config.test = true;
        let tls = self.tls.clone();
        let ground = Ground {
            version,
            listener,
            sockets,
            tls,
            multiplexed: false,
            printed: Printed::nothing(),
        };
        self.serve_on(
            ground,
            || {
                announce(&config);
                Ok(())
            },
            |shutdown| async move {
                until.await;
                shutdown.run().await;
                std::future::pending().await
            },
        )
        .await
    }

    /// In test mode under this name until SIGINT or SIGTERM, with the line that
    /// Terraform wants on standard output.
    pub(super) async fn serve_by_hand(self, name: &str) -> Result<(), ServeError> {
        let mut signals = Signals::install().map_err(failed("install signal handlers"))?;
        let announce = |config: &ReattachConfig| {
            let value = ReattachConfig::map_to_json([(name, config)]);
            // Quoted for a shell.
            let value = value.replace('\'', r"'\''");
            let mut stdout = std::io::stdout();
            let _ = writeln!(stdout, "{TF_REATTACH_PROVIDERS}='{value}'");
            let _ = stdout.flush();
        };
        self.serve_in_test_mode(announce, signals.any()).await
    }
}

/// The name under which to serve in test mode, if that is wished for.
pub(super) fn wished_for() -> Option<String> {
    let name = env::var_os(environment::TEST_MODE).filter(|name| !name.is_empty())?;
    Some(name.to_string_lossy().into_owned())
}
