//! Where connectors are found: lists of what can be installed, read and written.
//!
//! [`Reader`] reads catalogs from the web and from files, keeps what it read and falls back
//! to it; [`build`] writes them. What a catalog is stands in
//! [`outboard_contracts::connector::catalog`]. Everything here blocks.
//!
//! ```no_run
//! use outboard_connector::{
//!     catalog::{Reader, ReaderConfig, Source},
//!     platform,
//! };
//!
//! let source = Source::parse("https://example.org/plugins.json", false)?;
//! let reader = Reader::new(ReaderConfig::new(vec![source], "cache"));
//! for found in reader.snapshot().search("weather") {
//!     println!("{} {}", found.entry.key, found.entry.version);
//! }
//! let resolved = reader.resolve("weather", None, &platform::host())?;
//! println!("{} is at {}", resolved.version, resolved.location);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod build;
mod cache;
mod near;
mod reader;
mod source;

pub use self::{
    reader::{Available, Reader, ReaderConfig, ReaderError, Resolved, Snapshot},
    source::{Source, SourceError},
};
