//! `outboard.lock`: what is installed, for people and for version control.
//!
//! ```toml
//! version = 1
//!
//! [connector.httpbin]
//! kind = "connector"
//! version = "0.1.0"
//! source = "https://example.com/httpbin-0.1.0-linux-amd64.zip"
//!
//! [connector.httpbin.platform."linux/amd64"]
//! sha256 = "…"           of the program
//! archive_sha256 = "…"   of the archive, if there was one
//! ```
//!
//! Keys are sorted, so that the same set of connectors is the same text. Digests of other
//! platforms stay for as long as the version does.

use std::{collections::BTreeMap, io, path::Path};

use outboard_contracts::connector::validate_key;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::package::files;

/// The version of the file that is written.
const FILE_VERSION: i64 = 1;

/// The largest file that is read: 8 MiB, which is room for some ten thousand connectors.
const MAX_BYTES: usize = 8 * 1024 * 1024;

const HEADER: &str = "# Written by outboard; keep it in version control.\n";

/// What `outboard.lock` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LockFile {
    version: i64,
    /// What is installed, by key.
    #[serde(
        default,
        rename = "connector",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub connectors: BTreeMap<String, Locked>,
    /// What others keep in the file; it stays.
    #[serde(flatten)]
    other: toml::Table,
}

/// One connector in the lock file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    /// The word of its kind.
    pub kind: String,
    /// Its version.
    pub version: String,
    /// Where it was got, without credentials.
    pub source: String,
    /// What it is on each platform, such as `linux/amd64`.
    #[serde(
        default,
        rename = "platform",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub platforms: BTreeMap<String, LockedPlatform>,
}

/// A connector's digests on one platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedPlatform {
    /// The SHA-256 of the program.
    pub sha256: String,
    /// The SHA-256 of the archive, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_sha256: Option<String>,
}

impl Default for LockFile {
    fn default() -> LockFile {
        LockFile {
            version: FILE_VERSION,
            connectors: BTreeMap::new(),
            other: toml::Table::new(),
        }
    }
}

impl LockFile {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    ///
    /// [`StoreError::LockFile`] when it cannot be read, is of a newer version, or names
    /// what cannot be a connector.
    pub fn read(path: &Path) -> Result<LockFile, StoreError> {
        let bytes = match files::read_regular(path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(LockFile::default());
            }
            Err(error) => return Err(lock_file_error(path, error.to_string())),
        };
        let file: LockFile =
            toml::from_slice(&bytes).map_err(|error| lock_file_error(path, error.to_string()))?;
        if file.version != FILE_VERSION {
            let reason = format!(
                "its version is {}, and {FILE_VERSION} is read",
                file.version
            );
            return Err(lock_file_error(path, reason));
        }
        for key in file.connectors.keys() {
            validate_key(key).map_err(|error| lock_file_error(path, error.to_string()))?;
        }
        Ok(file)
    }

    /// Its text.
    pub fn to_text(&self) -> String {
        // Nothing in the type can fail to be TOML.
        let text = toml::to_string(self).unwrap_or_default();
        format!("{HEADER}{text}")
    }

    /// Enters what is installed on `platform`. Other platforms keep their digests when
    /// the version stays.
    pub(crate) fn enter(&mut self, key: &str, entry: Locked) {
        match self.connectors.get_mut(key) {
            Some(known) if known.version == entry.version => {
                known.kind = entry.kind;
                known.source = entry.source;
                known.platforms.extend(entry.platforms);
            }
            _ => {
                self.connectors.insert(key.to_owned(), entry);
            }
        }
    }

    /// Writes the file whole.
    pub(crate) fn write(&self, path: &Path, before_rename: &dyn Fn()) -> Result<(), StoreError> {
        files::replace(path, self.to_text().as_bytes(), 0o644, before_rename).map_err(|source| {
            StoreError::Io {
                action: "write",
                path: path.to_owned(),
                source,
            }
        })
    }
}

fn lock_file_error(path: &Path, reason: String) -> StoreError {
    StoreError::LockFile {
        path: path.to_owned(),
        reason,
    }
}

/// A source as it may be written down: a URL without user, password, query and fragment,
/// any of which may be a credential.
pub(crate) fn without_credentials(source: &str) -> String {
    let Ok(mut url) = url::Url::parse(source) else {
        return source.to_owned();
    };
    if !url.has_host() {
        return source.to_owned();
    }
    // Both fail only for URLs that cannot have a user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(version: &str, platform: &str) -> Locked {
        let digests = LockedPlatform {
            sha256: "ab".repeat(32),
            archive_sha256: None,
        };
        Locked {
            kind: "connector".to_owned(),
            version: version.to_owned(),
            source: "dist/echo".to_owned(),
            platforms: BTreeMap::from([(platform.to_owned(), digests)]),
        }
    }

    #[test]
    fn a_source_is_written_down_without_what_may_be_a_credential() {
        for (source, expected) in [
            (
                "https://user:pw@example.com/a.zip?token=x#y",
                "https://example.com/a.zip",
            ),
            (
                "https://token@example.com/a.zip",
                "https://example.com/a.zip",
            ),
            ("dist/echo", "dist/echo"),
            ("/srv/a b.zip", "/srv/a b.zip"),
            (r"C:\packages\echo.zip", r"C:\packages\echo.zip"),
        ] {
            assert_eq!(without_credentials(source), expected);
        }
    }

    #[test]
    fn other_platforms_stay_for_as_long_as_the_version_does_and_the_text_is_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("outboard.lock");
        std::fs::write(&path, "version = 1\n[plugin.x]\nversion = \"2\"\n").unwrap();
        let mut file = LockFile::read(&path).unwrap();
        file.enter("zeta", entry("1.0.0", "linux/arm64"));
        file.enter("echo", entry("1.0.0", "linux/amd64"));
        file.enter("zeta", entry("1.0.0", "linux/amd64"));
        assert_eq!(file.connectors["zeta"].platforms.len(), 2);
        file.write(&path, &|| {}).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.find("echo").unwrap() < text.find("zeta").unwrap(),
            "{text}"
        );
        assert!(text.contains("[plugin.x]"), "{text}");
        let again = LockFile::read(&path).unwrap();
        assert_eq!(again, file);
        assert_eq!(again.to_text(), text);
        file.enter("zeta", entry("1.1.0", "linux/amd64"));
        assert_eq!(file.connectors["zeta"].platforms.len(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_an_error_and_not_an_empty_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("outboard.lock");
        for text in [
            "{}",
            "version = 2\n",
            "version = 1\n[connector.\"../x\"]\nkind=\"\"\nversion=\"\"\nsource=\"\"\n",
        ] {
            std::fs::write(&path, text).unwrap();
            let error = LockFile::read(&path).unwrap_err();
            assert!(matches!(error, StoreError::LockFile { .. }), "{text:?}");
        }
    }
}
