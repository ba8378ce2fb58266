//! Plugins of this process: registered, enabled after what they depend on, disabled
//! after what depends on them, and reached over HTTP while they are enabled.

mod http;
mod manager;
mod presence;
mod state;

pub use manager::{PluginInfo, PluginManager, PluginManagerBuilder};
pub use state::{JsonStateStore, MemoryStateStore, PluginState, PluginStateStore};
