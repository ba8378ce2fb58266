//! Pages that a plugin adds to the admin UI, as data: `ui.json`, which declares them, and
//! the form in which hosts hand them on.
//!
//! ```json
//! {
//!   "name": "reports", "version": "1.2.0", "description": "Reports on runs",
//!   "navItems": [
//!     { "id": "daily", "label": "Daily", "icon": "📊", "category": "plugin", "order": 5,
//!       "requiredRole": "viewer", "requiredPermission": "plugins.manage" }
//!   ],
//!   "assetDir": "assets",
//!   "permissions": ["runs.read", "operations.call:weather"]
//! }
//! ```
//!
//! All of it may be left out: the name is then the directory's and the assets are in
//! `assets`. `permissions` is ours: what the plugin's pages may ask the host to do.
//! Unknown fields are ignored, so that a file of a newer version loads.

mod error;
mod manifest;
mod page;

pub use self::{
    error::{UiManifestError, UiManifestErrorKind},
    manifest::{UiManifest, UiNavItem},
    page::UiPageDef,
};

/// The largest `ui.json` that is read: 256 KiB.
pub const MAX_UI_MANIFEST_BYTES: usize = 256 * 1024;

/// The most entries that one plugin may add to the navigation.
pub const MAX_NAV_ITEMS: usize = 64;

/// The most permissions that one plugin may ask for.
pub const MAX_UI_PERMISSIONS: usize = 64;

/// The groups that the navigation has. Those of `workflow` are shown only while a
/// pipeline is open.
pub const CATEGORIES: &[&str] = &["global", "workflow", "plugin", "tools"];

/// The group of an entry that names none.
pub const DEFAULT_CATEGORY: &str = "plugin";

/// The roles that an entry can ask for, the least first.
pub const ROLES: &[&str] = &["viewer", "editor", "operator", "admin"];

/// Where the assets are, unless `assetDir` says otherwise.
pub const DEFAULT_ASSET_DIR: &str = "assets";
