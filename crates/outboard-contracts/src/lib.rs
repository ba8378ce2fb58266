//! What crosses a boundary in Outboard: messages, manifests, names, values and versions.
//!
//! Both sides of every boundary compile this crate, so it is light and pure: it
//! opens no file and no socket, starts no thread and needs no runtime. Bytes go
//! in, checked data comes out, or an error that says what is wrong with them.

pub mod connector;
pub mod manifest;
pub mod name;
pub mod schema;
pub mod ui;
pub mod value;
pub mod version;
pub mod workflow;

pub use manifest::PluginManifest;
pub use name::PluginName;
