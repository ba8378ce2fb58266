//! Workflow plugins in processes of their own.
//!
//! ```text
//! ExternalPluginManager ── one Link per plugin ── Session (process + PluginClient)
//!        │                        ▲
//!        └─ ExternalPluginAdapter ┤  what the engine sees: an ordinary plugin
//!                 RemoteModule ───┤
//!                 RemoteStep ─────┤
//!                 RemoteTrigger ──┘ ◂── PluginCallbacks ◂── calls of the process
//! ```
//!
//! A [`RemoteModule`], [`RemoteStep`] or [`RemoteTrigger`] holds no process, only its link. When
//! the process is replaced, after a crash or by a reload, the link makes what
//! was there anew in the new process, and calls go on.

mod adapter;
mod callback;
mod client;
mod grpc_plugin;
mod link;
mod manager;
#[cfg(test)]
mod recorded_session;
mod remote_module;
mod remote_step;
mod remote_trigger;

pub use self::{
    adapter::ExternalPluginAdapter,
    callback::{
        CallbackServer, MAX_CALLS, ServiceLookupFunc, ServiceQuery, TriggerCall, TriggerFunc,
    },
    client::{CallDeadlines, PluginClient},
    grpc_plugin::GrpcPlugin,
    manager::{
        DiscoveredPlugin, ExternalPluginManager, ManagerBuilder, ManagerError, ManagerErrorKind,
        PluginState, PluginStatus,
    },
    remote_module::RemoteModule,
    remote_step::RemoteStep,
    remote_trigger::RemoteTrigger,
};

/// The app protocol version of the family: 1, since its first release.
pub use outboard_contracts::workflow::{
    MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE, PLUGIN_NAME, PROTOCOL_VERSION,
};

/// What host and plugin of this family must agree on.
pub fn handshake() -> outboard_go_plugin::handshake::HandshakeConfig {
    outboard_go_plugin::handshake::HandshakeConfig::new(
        MAGIC_COOKIE_KEY,
        MAGIC_COOKIE_VALUE,
        PROTOCOL_VERSION,
    )
}
