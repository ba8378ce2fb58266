//! Where the versions of a connector are, and which of them runs.
//!
//! ```text
//! connectors/
//!   .lock  .journal  .staging/     of the store itself
//!   httpbin/
//!     current                      "1.1.0\n1.0.0\n": what runs, then what a rollback takes
//!     versions/
//!       1.1.0/                     plugin.json, httpbin, …
//!         .outboard.toml           where it came from: `Record`
//!       1.0.0/
//!       1.0.0~2/                   the same version once more, with other bytes
//!   legacy/                        the original's layout, which is read too
//!     plugin.json  legacy
//! ```

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use outboard_contracts::version::{self, Version};
use serde::{Deserialize, Serialize};

use crate::package::{Origin, files};

/// The name of the file that says what runs.
pub(crate) const CURRENT_NAME: &str = "current";

/// The name of the directory with the versions.
pub(crate) const VERSIONS_NAME: &str = "versions";

/// The name of a version's record.
pub(crate) const RECORD_NAME: &str = ".outboard.toml";

/// The most bytes of `current` and of a record that are read.
const MAX_FILE_BYTES: usize = 16 * 1024;

/// How many versions are kept for a rollback, besides the current one.
pub(crate) const KEPT_VERSIONS: usize = 2;

/// What a version's directory is called: the version, and a number from 2 if there was
/// one of that version already.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DirectoryName(String);

impl DirectoryName {
    /// Reads a name, which is as good as a path only when it is one of ours.
    pub(crate) fn parse(name: &str) -> Option<DirectoryName> {
        let (version, number) = match name.split_once('~') {
            Some((version, number)) => (version, Some(number)),
            None => (name, None),
        };
        let parsed = version::parse(version).ok()?;
        let number_fits = number.is_none_or(|number| {
            let parsed = number.parse::<u32>().ok().filter(|number| *number >= 2);
            parsed.is_some_and(|parsed| parsed.to_string() == number)
        });
        (number_fits && parsed.to_string() == version && name.len() <= 255)
            .then(|| DirectoryName(name.to_owned()))
    }

    /// A name for a directory of `version` that is not in `taken`.
    pub(crate) fn free(version: &Version, taken: &BTreeSet<DirectoryName>) -> DirectoryName {
        let first = DirectoryName(version.to_string());
        if !taken.contains(&first) {
            return first;
        }
        let mut number = 2_u32;
        loop {
            let name = DirectoryName(format!("{version}~{number}"));
            if !taken.contains(&name) {
                return name;
            }
            number += 1;
        }
    }

    /// The version, as text.
    pub(crate) fn version(&self) -> &str {
        self.0.split('~').next().unwrap_or_default()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The directory of one connector.
#[derive(Clone, Debug)]
pub(crate) struct Home(PathBuf);

impl Home {
    /// `key` has been validated.
    pub(crate) fn new(store: &Path, key: &str) -> Home {
        Home(store.join(key))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn current_file(&self) -> PathBuf {
        self.0.join(CURRENT_NAME)
    }

    pub(crate) fn versions(&self) -> PathBuf {
        self.0.join(VERSIONS_NAME)
    }

    pub(crate) fn version(&self, name: &DirectoryName) -> PathBuf {
        self.versions().join(name.as_str())
    }

    /// What `current` says: what runs, then what a rollback takes. `None` without one,
    /// which is how the original's layout looks.
    pub(crate) fn current(&self) -> io::Result<Option<Vec<DirectoryName>>> {
        let bytes = match files::read_regular(&self.current_file(), MAX_FILE_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let text = String::from_utf8(bytes).map_err(|_| invalid("it is not UTF-8".to_owned()))?;
        let names = text.lines().map(|line| {
            let name = DirectoryName::parse(line);
            name.ok_or_else(|| invalid(format!("{line:?} is no version in it")))
        });
        let names = names.collect::<io::Result<Vec<_>>>()?;
        if names.is_empty() {
            return Err(invalid("it is empty".to_owned()));
        }
        Ok(Some(names))
    }

    /// As [`Home::current`], for who is about to write it: one that says nothing sensible
    /// says nothing.
    pub(crate) fn usable_current(&self) -> io::Result<Option<Vec<DirectoryName>>> {
        match self.current() {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
            answer => answer,
        }
    }

    /// Makes `names` what `current` says.
    pub(crate) fn set_current(
        &self,
        names: &[DirectoryName],
        before_rename: &dyn Fn(),
    ) -> io::Result<()> {
        let mut text = String::new();
        for name in names {
            text.push_str(name.as_str());
            text.push('\n');
        }
        files::replace(&self.current_file(), text.as_bytes(), 0o644, before_rename)
    }

    /// The directories of versions that there are.
    pub(crate) fn directories(&self) -> io::Result<BTreeSet<DirectoryName>> {
        let listing = match fs::read_dir(self.versions()) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            Err(error) => return Err(error),
        };
        let mut names = BTreeSet::new();
        for entry in listing {
            if let Some(name) = entry?.file_name().to_str().and_then(DirectoryName::parse) {
                names.insert(name);
            }
        }
        Ok(names)
    }
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Where an installed version came from. It is in its directory, so that it comes and
/// goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Where it was got, without credentials.
    pub source: String,
    /// Whether that was a local directory, which decides the default policy when it is
    /// verified again.
    pub local: bool,
    /// When it was installed, in RFC 3339.
    pub installed_at: String,
    /// The SHA-256 of the program.
    pub sha256: String,
    /// The SHA-256 of the archive, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive_sha256: Option<String>,
}

impl Record {
    /// Where it came from, for the policy.
    pub fn origin(&self) -> Origin {
        if self.local {
            Origin::LocalDirectory
        } else {
            Origin::Elsewhere
        }
    }

    /// Reads the record of the version in `directory`; `None` without one.
    pub(crate) fn read(directory: &Path) -> io::Result<Option<Record>> {
        let bytes = match files::read_regular(&directory.join(RECORD_NAME), MAX_FILE_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let record = toml::from_slice(&bytes).map_err(|error| invalid(error.to_string()))?;
        Ok(Some(record))
    }

    /// Writes it into a directory that is not in place yet.
    pub(crate) fn write(&self, directory: &Path) -> io::Result<()> {
        let text = toml::to_string(self).map_err(|error| invalid(error.to_string()))?;
        let path = directory.join(RECORD_NAME);
        fs::write(&path, text)?;
        files::set_mode(&path, 0o644)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_called_after_its_version_and_nothing_else_is_one() {
        for name in ["1.0.0", "1.0.0-rc.1+build.5", "1.0.0~2", "10.20.30~17"] {
            assert_eq!(DirectoryName::parse(name).unwrap().as_str(), name);
        }
        for name in [
            "", ".", "..", "v1.0.0", "1.0", "1.0.0~1", "1.0.0~02", "1.0.0~", "1.0.0~+3",
            "1.0.0/..", "../1.0.0", "01.0.0", "1.0.0 ",
        ] {
            assert_eq!(DirectoryName::parse(name), None, "{name:?}");
        }
        assert_eq!(DirectoryName::parse("1.0.0~2").unwrap().version(), "1.0.0");
    }

    #[test]
    fn a_version_that_is_there_gets_a_number() {
        let version = version::parse("v1.2.3").unwrap();
        let mut taken = BTreeSet::new();
        for expected in ["1.2.3", "1.2.3~2", "1.2.3~3"] {
            let name = DirectoryName::free(&version, &taken);
            assert_eq!(name.as_str(), expected);
            assert_eq!(DirectoryName::parse(expected).as_ref(), Some(&name));
            taken.insert(name);
        }
    }

    #[test]
    fn what_current_says_is_read_as_it_was_written_and_never_guessed() {
        let store = tempfile::tempdir().unwrap();
        let home = Home::new(store.path(), "echo");
        fs::create_dir(home.path()).unwrap();
        assert_eq!(home.current().unwrap(), None);
        let names = ["1.1.0", "1.0.0~2"].map(|name| DirectoryName::parse(name).unwrap());
        home.set_current(&names, &|| {}).unwrap();
        assert_eq!(home.current().unwrap().unwrap(), names);
        for text in ["", "../../etc\n", "1.0.0\n\n", "one\n"] {
            fs::write(home.current_file(), text).unwrap();
            assert!(home.current().is_err(), "{text:?}");
        }
    }
}
