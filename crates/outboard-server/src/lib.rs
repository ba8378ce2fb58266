//! HTTP API of Outboard: plugins, connectors, pipelines and runs, for programs on this machine.
//!
//! [`Server`] is the whole of it, with the checks that keep web pages and strangers
//! out; [`PluginHandler`] is the five routes alone that Go hosts know.

mod about;
mod connection;
mod connectors;
mod database;
mod events;
mod frames;
mod http;
mod metrics;
mod native;
mod openapi;
mod overview;
mod plugins;
mod processes;
mod readiness;
mod security;
mod server;
mod stats;
mod tls;
mod ui;
mod ui_plugins;
mod workflow;

pub use self::{
    about::{About, MachineCheck, SettingInfo, Verdict},
    connectors::{CONNECTOR_STEP, ConnectorSteps, StepProblem},
    database::{Database, DatabaseError},
    http::Problem,
    native::{NativePlugins, PluginStates},
    openapi::api_document,
    plugins::{ControlError, PluginControl, PluginHandler, PluginInfo},
    security::{
        Access, AccessBuilder, AccessError, AccessErrorKind, AuditEntry, HostPolicy, NewToken,
        OfflineTokens, Permission, Principal, Role, Token, TokenInfo, TokenRequest, Tokens,
        UnknownRole, Via,
    },
    server::{Server, ServerBuilder},
    tls::{ServerTls, TlsError},
    ui_plugins::{
        AssetLimits, AssetProblem, DiscoveredUiPlugin, Navigation, NavigationEntry,
        NavigationGroup, Snapshot, UiPluginChange, UiPluginChangeKind, UiPluginEntry,
        UiPluginError, UiPluginErrorKind, UiPluginHandler, UiPluginInfo, UiPluginManager,
        UiPluginNativePlugin, UiPluginObserver, UiPluginProblem, discover_ui_plugins,
        inspect_ui_plugin,
    },
};
