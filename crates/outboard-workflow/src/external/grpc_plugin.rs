//! What go-plugin calls a plugin: the piece that makes a client of a connection.

use outboard_go_plugin::transport::{Channel, Services};

use super::{CallbackServer, PluginClient, callback::PluginCallbacks};

/// The workflow family's one dispensable plugin, under the name
/// [`PLUGIN_NAME`](super::PLUGIN_NAME).
///
/// ```
/// use outboard_workflow::external::{CallbackServer, GrpcPlugin};
///
/// let plugin = GrpcPlugin::new().with_callback_server(CallbackServer::new(None, None));
/// assert!(plugin.callback_services("kv").is_some());
/// ```
#[derive(Clone, Debug, Default)]
pub struct GrpcPlugin {
    callback_server: Option<CallbackServer>,
}

impl GrpcPlugin {
    /// Without callbacks.
    pub fn new() -> GrpcPlugin {
        GrpcPlugin::default()
    }

    /// With an implementation of the calls that plugins make to the host.
    #[must_use]
    pub fn with_callback_server(mut self, server: CallbackServer) -> GrpcPlugin {
        self.callback_server = Some(server);
        self
    }

    /// The host's end of a connection to the plugin called `plugin`.
    pub fn client(&self, plugin: &str, channel: Channel) -> PluginClient {
        PluginClient::new(plugin, channel)
    }

    /// What the host serves to the plugin called `plugin` on a connection that
    /// the plugin opens to it, or nothing without a callback server.
    pub fn callback_services(&self, plugin: &str) -> Option<Services> {
        let server = self.callback_server.clone()?;
        Some(PluginCallbacks::new(plugin, server).services())
    }
}
