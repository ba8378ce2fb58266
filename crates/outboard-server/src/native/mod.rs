//! Plugins of this process: the UI plugins that are loaded, and those of a host that
//! embeds the server.
//!
//! | file | does |
//! |---|---|
//! | `plugins.rs` | comes and goes, enables and disables, says what changed |
//! | `states.rs` | which of them are enabled, kept in `outboard.db` |
//! | `routes.rs` | `/api/v1/admin/plugins…`, answered by the engine's manager |

mod describe;
mod plugins;
mod routes;
mod states;

pub(crate) use self::{describe::operations, plugins::Changed, routes::routes};
pub use self::{plugins::NativePlugins, states::PluginStates};
