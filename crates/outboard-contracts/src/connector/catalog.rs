//! Catalogs: what can be installed, where it is, and what it must hash to.
//!
//! A catalog is a JSON array of [`Entry`]. The original knows one version of each connector
//! and no digests; `digests` and `versions` are ours, and its readers pass them over.
//!
//! ```
//! use outboard_contracts::connector::catalog;
//!
//! let text = r#"[{"key":"weather","version":"1.1.0",
//!     "assets":{"linux/amd64":"https://example.org/weather-1.1.0-linux-amd64.zip"}}]"#;
//! let entries = catalog::parse(text.as_bytes()).unwrap();
//! let release = entries[0].release(None, "linux/amd64").unwrap();
//! assert_eq!(release.version, "1.1.0");
//! assert!(entries[0].release(None, "darwin/arm64").is_err());
//! ```

use std::{cmp::Ordering, collections::BTreeMap};

use super::{Kind, go_json::go_struct, module::Tag, validate_key};
use crate::version::{self, Version};

/// The largest catalog that is read, in bytes: 8 MiB.
pub const MAX_CATALOG_BYTES: usize = 8 * 1024 * 1024;

go_struct! {
    /// One connector that can be installed, in its newest version.
    #[derive(Default)]
    pub struct Entry {
        /// Its key.
        pub key: String => "key",
        /// Its name for people.
        pub name: String => "name",
        /// What it is for.
        pub description: String => "description",
        /// The word of its [`Kind`]; empty: a connector. Ours.
        pub kind: String => "kind" omitempty,
        /// The newest version.
        pub version: String => "version",
        /// What it is filed under.
        pub default_tags: Vec<Tag> => "default_tags" omitempty,
        /// Where the archive for each platform is.
        pub assets: BTreeMap<String, String> => "assets" nullable,
        /// What the archive for each platform must hash to. Ours.
        pub digests: BTreeMap<String, Digest> => "digests" omitempty,
        /// Other versions, newest first: older ones, and pre-releases of newer ones. Ours.
        pub versions: Vec<Release> => "versions" omitempty,
    }
}

go_struct! {
    /// One version of a connector.
    #[derive(Default)]
    pub struct Release {
        /// The version.
        pub version: String => "version",
        /// Where the archive for each platform is.
        pub assets: BTreeMap<String, String> => "assets" nullable,
        /// What the archive for each platform must hash to.
        pub digests: BTreeMap<String, Digest> => "digests" omitempty,
    }
}

go_struct! {
    /// What an archive must hash to.
    #[derive(Default)]
    pub struct Digest {
        /// The SHA-256, in lower case hexadecimal digits.
        pub sha256: String => "sha256",
        /// How many bytes it has.
        pub size: u64 => "size",
    }
}

/// A catalog that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// Larger than [`MAX_CATALOG_BYTES`].
    #[error("it has {bytes} bytes, and {MAX_CATALOG_BYTES} are allowed")]
    TooLarge {
        /// How many it has.
        bytes: usize,
    },
    /// Not a JSON array of entries.
    #[error("it is no catalog: {reason}")]
    NotACatalog {
        /// What the reader says.
        reason: String,
    },
}

/// Why there is nothing to install for a wish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoRelease {
    /// There is no such version.
    #[error("there is no version {wanted:?}; there are {}", listed(known))]
    Version {
        /// The one that was asked for.
        wanted: String,
        /// Those that there are, newest first.
        known: Vec<String>,
    },
    /// No version, or not the one that was asked for, runs on this platform.
    #[error(
        "there is no build for {platform}; there are builds for {}",
        listed(available)
    )]
    Platform {
        /// The platform.
        platform: String,
        /// Those that there are builds for.
        available: Vec<String>,
    },
}

/// How many versions or platforms a text names.
const NAMED: usize = 10;

/// What a catalog has, as a text may have it: not endless, and steering no terminal.
fn listed(available: &[String]) -> String {
    if available.is_empty() {
        return "none".to_owned();
    }
    let plain = |text: &String| -> String { text.escape_debug().take(64).collect() };
    let named: Vec<String> = available.iter().take(NAMED).map(plain).collect();
    match available.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// Reads a catalog as the original does: key and name stand in for each other, entries
/// without either or with a key that is none are dropped, and the rest is sorted by key.
/// Of two with one key the first counts.
///
/// # Errors
///
/// [`CatalogError`].
pub fn parse(bytes: &[u8]) -> Result<Vec<Entry>, CatalogError> {
    if bytes.len() > MAX_CATALOG_BYTES {
        return Err(CatalogError::TooLarge { bytes: bytes.len() });
    }
    let read: Option<Vec<Entry>> =
        serde_json::from_slice(bytes).map_err(|error| CatalogError::NotACatalog {
            reason: match bytes.trim_ascii_start().first() {
                Some(b'<') => "it looks like a web page".to_owned(),
                _ => error.to_string(),
            },
        })?;
    let mut entries = BTreeMap::new();
    for mut entry in read.unwrap_or_default() {
        if entry.key.is_empty() {
            entry.key.clone_from(&entry.name);
        } else if entry.name.is_empty() {
            entry.name.clone_from(&entry.key);
        }
        if validate_key(&entry.key).is_ok() {
            entries.entry(entry.key.clone()).or_insert(entry);
        }
    }
    Ok(entries.into_values().collect())
}

/// The text of a catalog: two spaces of indentation and a line break at the end.
pub fn print(entries: &[Entry]) -> String {
    // Nothing in the type can fail to be JSON.
    let mut text = serde_json::to_string_pretty(entries).unwrap_or_default();
    text.push('\n');
    text
}

impl Entry {
    /// What it is; an unknown word reads as a connector.
    pub fn kind(&self) -> Kind {
        Kind::normalize(&self.kind)
    }

    /// Every version, newest first.
    pub fn releases(&self) -> Vec<Release> {
        let newest = Release {
            version: self.version.clone(),
            assets: self.assets.clone(),
            digests: self.digests.clone(),
        };
        let older = self.versions.iter().cloned();
        let mut releases: Vec<Release> = std::iter::once(newest).chain(older).collect();
        releases.sort_by(|one, other| order(&other.version, &one.version));
        releases.dedup_by(|one, other| one.version == other.version);
        releases
    }

    /// The version `wanted`, or the newest that has a build for `platform`; a pre-release
    /// only where there is no other, or when it is asked for.
    ///
    /// # Errors
    ///
    /// [`NoRelease`].
    pub fn release(&self, wanted: Option<&str>, platform: &str) -> Result<Release, NoRelease> {
        let mut releases = self.releases();
        if let Some(wanted) = wanted {
            let known: Vec<_> = releases.iter().map(|one| one.version.clone()).collect();
            releases.retain(|one| bare(&one.version) == bare(wanted));
            if releases.is_empty() {
                return Err(NoRelease::Version {
                    wanted: wanted.to_owned(),
                    known,
                });
            }
        }
        let available: std::collections::BTreeSet<_> = releases
            .iter()
            .flat_map(|one| one.assets.keys().cloned())
            .collect();
        releases.retain(|one| one.assets.contains_key(platform));
        // Stable ones go first, each part stays newest first.
        releases.sort_by_key(|one| is_pre_release(&one.version));
        releases
            .into_iter()
            .next()
            .ok_or_else(|| NoRelease::Platform {
                platform: platform.to_owned(),
                available: available.into_iter().collect(),
            })
    }
}

fn bare(version: &str) -> &str {
    version.strip_prefix('v').unwrap_or(version)
}

/// A version as the original reads it: parts may be missing and are zero then.
fn lenient(text: &str) -> Option<Version> {
    let text = bare(text);
    let numbers = text.find(['-', '+']).unwrap_or(text.len());
    let (numbers, rest) = text.split_at(numbers);
    let missing = match numbers.split('.').count() {
        1 => ".0.0",
        2 => ".0",
        _ => "",
    };
    version::parse(&format!("{numbers}{missing}{rest}")).ok()
}

/// Whether the text is a version, as leniently as the original reads them: `v1.2` is one.
pub fn is_version(text: &str) -> bool {
    lenient(text).is_some()
}

/// Whether the text is the version of a pre-release, such as `1.0.0-rc.1`.
pub fn is_pre_release(text: &str) -> bool {
    lenient(text).is_some_and(|version| !version.pre.is_empty())
}

/// The order of two versions; what is none comes before all that are.
pub fn order(one: &str, other: &str) -> Ordering {
    match (lenient(one), lenient(other)) {
        (Some(one), Some(other)) => one.cmp_precedence(&other),
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (None, None) => one.cmp(other),
    }
}

/// Whether a catalog's version is an update of one that is installed. Where one of them
/// is no version, any difference is one, as in the original.
pub fn version_newer(offered: &str, installed: &str) -> bool {
    match (lenient(offered), lenient(installed)) {
        (Some(offered), Some(installed)) => offered.cmp_precedence(&installed).is_gt(),
        _ => !offered.is_empty() && offered != installed,
    }
}
