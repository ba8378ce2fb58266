//! UI plugins: directories with a `ui.json` and files that a browser shows, seen over
//! HTTP in the seed's routes and envelope.
//!
//! ```text
//! plugins/
//!   reports/
//!     ui.json        what the navigation shows, and where the files are
//!     assets/        HTML, scripts, styles, images
//!     plugin.json    and
//!     reports        a program, if the plugin also has one
//! ```
//!
//! | route | what |
//! |---|---|
//! | `GET /api/v1/plugins/ui` | those that are loaded |
//! | `GET /api/v1/plugins/ui/available` | those that are there |
//! | `GET /api/v1/plugins/ui/{name}/manifest` | what `ui.json` says |
//! | `POST /api/v1/plugins/ui/{name}/load`, `…/unload`, `…/reload` | |
//! | `GET /api/v1/plugins/ui/{name}/assets/…` | its files |
//! | `GET /api/v1/plugins/ui/{name}` | ours: all there is to know about one |
//!
//! A plugin is loaded as a whole: the manifest is checked and all files are read into
//! one [`Snapshot`], and only then both take the place of what was there. A request
//! gets all it needs from the entry that it found, so it never sees half of a reload.

mod change;
mod describe;
mod details;
mod disk;
mod entry;
mod error;
mod handler;
mod manager;
mod native;
mod navigation;
mod sight;
mod snapshot;

pub(crate) use self::{
    change::Happened,
    describe::operations,
    details::details,
    handler::{PREFIX, is_seed_route, is_under_seed_routes, lacks_slash},
};
pub use self::{
    change::{UiPluginChange, UiPluginChangeKind, UiPluginObserver},
    disk::{DiscoveredUiPlugin, discover as discover_ui_plugins, inspect as inspect_ui_plugin},
    entry::{UiPluginEntry, UiPluginInfo},
    error::{UiPluginError, UiPluginErrorKind},
    handler::UiPluginHandler,
    manager::{UiPluginManager, UiPluginProblem},
    native::UiPluginNativePlugin,
    navigation::{Navigation, NavigationEntry, NavigationGroup},
    snapshot::{AssetLimits, AssetProblem, Snapshot},
};
