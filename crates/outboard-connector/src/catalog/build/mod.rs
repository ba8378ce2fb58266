//! Catalogs, written: from archives in a directory, or from a list of releases.
//!
//! The original's hosts read the top of an entry and nothing else, so that is the newest
//! version that is no pre-release and has archives. All others are in `versions`.
//!
//! ```
//! use outboard_connector::catalog::build::{from_releases, parse_releases};
//! use outboard_contracts::connector::catalog::print;
//!
//! let releases = parse_releases(br#"[{"tag_name":"weather/v1.1.0","assets":[{
//!     "name":"weather-1.1.0-linux-amd64.zip",
//!     "browser_download_url":"https://example.org/weather-1.1.0-linux-amd64.zip"}]}]"#)?;
//! let built = from_releases(&releases, &|_| Err("there is no network".to_owned()));
//! assert!(print(&built.entries).contains(r#""linux/amd64": "https://example.org/"#));
//! assert!(built.warnings[0].contains("there is no network"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod directory;
mod entries;
mod github;
mod releases;

use std::path::PathBuf;

use outboard_contracts::connector::catalog::Entry;

use crate::download::DownloadError;

pub use self::{
    directory::{ReadManifest, from_directory},
    github::{GitHub, Listing},
    releases::{
        FetchAsset, FetchedAsset, ListedAsset, ListedRelease, MAX_VERSIONS, from_releases,
        parse_releases, platform_of, split_tag,
    },
};

/// A catalog that was made.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Built {
    /// What it has, by key.
    pub entries: Vec<Entry>,
    /// What was left out of it, or is not known of what is in it, and why.
    pub warnings: Vec<String>,
}

/// Why a catalog could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The directory or a file in it cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// An archive that holds no package.
    #[error("{path}: {reason}", path = path.display())]
    Package {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An archive whose name cannot stand in a URL as it is.
    #[error(
        "{path}: its name can be in no URL; give it one of letters, digits and . _ + -",
        path = path.display()
    )]
    Name {
        /// Which.
        path: PathBuf,
    },
    /// Two archives of one connector, version and platform.
    #[error("{first} and {second} are the same connector, version and platform", first = first.display(), second = second.display())]
    Twice {
        /// One.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// The place where archives will be is none that they can be fetched from.
    #[error("archives cannot be fetched from there: {0}")]
    Base(#[source] DownloadError),
    /// A list of releases that is none.
    #[error("this is no list of releases: {reason}")]
    Releases {
        /// What is wrong with it.
        reason: String,
    },
    /// No name of a repository.
    #[error("{name:?} is not OWNER/NAME")]
    Repository {
        /// What was given.
        name: String,
    },
    /// A page of releases could not be fetched.
    #[error("page {page} of the releases of {repository}: {error}")]
    Page {
        /// Whose.
        repository: String,
        /// Which page, from 1.
        page: usize,
        /// Why.
        #[source]
        error: DownloadError,
    },
}
