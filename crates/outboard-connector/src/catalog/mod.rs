//! Where connectors are found: lists of what can be installed, read and written.
//!
//! [`Reader`] reads catalogs from the web and from files, keeps what it read and falls back
//! to it; [`build`] writes them. What a catalog is stands in
//! [`outboard_contracts::connector::catalog`]. Everything here blocks.

pub mod build;
mod cache;
mod near;
mod reader;
mod source;

pub use self::{
    reader::{Available, Reader, ReaderConfig, ReaderError, Resolved, Snapshot},
    source::{Source, SourceError},
};
