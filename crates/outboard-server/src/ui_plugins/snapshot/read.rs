//! Reading a directory of assets into a snapshot.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, Metadata},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{
    super::disk::{open_regular, read_capped},
    Asset, AssetLimits, AssetProblem, Snapshot, content,
};

/// Below this many bytes compression gains less than its header costs.
const WORTH_COMPRESSING: usize = 512;

/// Reads all files below `asset_dir`, which is a checked relative path. A directory that
/// is not there has no files. Hidden files are left out.
pub(in super::super) fn read(
    plugin: &Path,
    asset_dir: &str,
    limits: &AssetLimits,
    before: Option<&Snapshot>,
    generation: u64,
) -> Result<Snapshot, AssetProblem> {
    let empty = Snapshot {
        generation,
        files: BTreeMap::new(),
        directories: BTreeSet::new(),
        bytes: 0,
    };
    let cannot = |error| AssetProblem::Read {
        path: asset_dir.to_owned(),
        error,
    };
    let plugin = plugin.canonicalize().map_err(cannot)?;
    let root = match plugin.join(asset_dir).canonicalize() {
        Ok(root) => root,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(empty),
        Err(error) => return Err(cannot(error)),
    };
    // The plugin's own directory holds its program.
    if !root.starts_with(&plugin) || root == plugin {
        return Err(AssetProblem::Outside {
            path: asset_dir.to_owned(),
        });
    }
    if !root.is_dir() {
        return Err(AssetProblem::NotAFile {
            path: asset_dir.to_owned(),
            what: "no directory",
        });
    }
    let mut reading = Reading {
        root: &root,
        asset_dir,
        limits,
        before,
        snapshot: empty,
        read: Vec::new(),
    };
    reading.directory(&root, "", 0)?;
    reading.check_again()?;
    Ok(reading.snapshot)
}

struct Reading<'a> {
    /// Canonical.
    root: &'a Path,
    asset_dir: &'a str,
    limits: &'a AssetLimits,
    before: Option<&'a Snapshot>,
    snapshot: Snapshot,
    /// What each file was like when it was read.
    read: Vec<(PathBuf, Stamp)>,
}

impl Reading<'_> {
    /// A path for people.
    fn shown(&self, path: &str) -> String {
        format!("{}/{path}", self.asset_dir)
    }

    fn directory(&mut self, at: &Path, path: &str, depth: usize) -> Result<(), AssetProblem> {
        if depth > self.limits.depth {
            return Err(AssetProblem::Depth {
                path: self.shown(path),
                limit: self.limits.depth,
            });
        }
        let entries = fs::read_dir(at).map_err(|error| self.failed(path, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| self.failed(path, error))?;
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let joined = |name: &str| match path {
                "" => name.to_owned(),
                path => format!("{path}/{name}"),
            };
            let Some(name) = name.to_str() else {
                return Err(AssetProblem::Name {
                    path: self.shown(&joined(&name.to_string_lossy())),
                });
            };
            let below = joined(name);
            let kind = entry
                .file_type()
                .map_err(|error| self.failed(&below, error))?;
            let real = if kind.is_symlink() {
                self.target(&entry.path(), &below)?
            } else {
                entry.path()
            };
            let about = fs::symlink_metadata(&real).map_err(|error| self.failed(&below, error))?;
            if about.is_dir() {
                self.directory(&real, &below, depth + 1)?;
                self.snapshot.directories.insert(below);
            } else if about.is_file() {
                self.file(&real, below)?;
            } else {
                return Err(AssetProblem::NotAFile {
                    path: self.shown(&below),
                    what: "neither a file nor a directory",
                });
            }
        }
        Ok(())
    }

    /// Where a link leads, if it stays among the assets.
    fn target(&self, link: &Path, path: &str) -> Result<PathBuf, AssetProblem> {
        let real = match link.canonicalize() {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(AssetProblem::NotAFile {
                    path: self.shown(path),
                    what: "a link to nothing",
                });
            }
            Err(error) => return Err(self.failed(path, error)),
        };
        if real.starts_with(self.root) {
            return Ok(real);
        }
        Err(AssetProblem::Outside {
            path: self.shown(path),
        })
    }

    fn file(&mut self, at: &Path, path: String) -> Result<(), AssetProblem> {
        if self.snapshot.files.len() == self.limits.files {
            return Err(AssetProblem::Files {
                limit: self.limits.files,
            });
        }
        let too_large = AssetProblem::FileBytes {
            path: self.shown(&path),
            limit: self.limits.file_bytes,
        };
        let file = open_regular(at).map_err(|error| self.failed(&path, error))?;
        let about = file.metadata().map_err(|error| self.failed(&path, error))?;
        if about.len() > self.limits.file_bytes {
            return Err(too_large);
        }
        let again = file
            .try_clone()
            .map_err(|error| self.failed(&path, error))?;
        let bytes =
            read_capped(file, self.limits.file_bytes).map_err(|error| self.failed(&path, error))?;
        let length = bytes.len() as u64;
        if length > self.limits.file_bytes {
            return Err(too_large);
        }
        let after = again
            .metadata()
            .map_err(|error| self.failed(&path, error))?;
        if length != about.len() || stamp(&after) != stamp(&about) {
            return Err(AssetProblem::Changing);
        }
        self.snapshot.bytes += length;
        if self.snapshot.bytes > self.limits.total_bytes {
            return Err(AssetProblem::TotalBytes {
                limit: self.limits.total_bytes,
            });
        }
        self.read.push((at.to_owned(), stamp(&about)));
        let asset = self.asset(&path, bytes, &about);
        self.snapshot.files.insert(path, asset);
        Ok(())
    }

    /// Whether all files are still as they were read. If one was written meanwhile, those
    /// before and after it may not belong together.
    fn check_again(&self) -> Result<(), AssetProblem> {
        let same = |(path, read): &(PathBuf, Stamp)| {
            fs::symlink_metadata(path).is_ok_and(|about| stamp(&about) == *read)
        };
        match self.read.iter().all(same) {
            true => Ok(()),
            false => Err(AssetProblem::Changing),
        }
    }

    /// The file, shared with the generation before where nothing about it has changed.
    fn asset(&self, path: &str, bytes: Vec<u8>, about: &Metadata) -> Arc<Asset> {
        let sha256: [u8; 32] = Sha256::digest(&bytes).into();
        let modified = modified(about);
        let before = self.before.and_then(|before| before.files.get(path));
        if let Some(before) = before
            && before.sha256 == sha256
            && before.modified == modified
        {
            return Arc::clone(before);
        }
        let content_type = content::type_of(path);
        let gzip = content::is_compressible(content_type)
            .then(|| compressed(&bytes))
            .flatten();
        Arc::new(Asset {
            bytes: bytes.into(),
            gzip,
            sha256,
            modified,
            content_type,
            hashed: content::has_hash(path),
        })
    }

    fn failed(&self, path: &str, error: io::Error) -> AssetProblem {
        // It was there a moment ago.
        if error.kind() == io::ErrorKind::NotFound {
            return AssetProblem::Changing;
        }
        AssetProblem::Read {
            path: self.shown(path),
            error,
        }
    }
}

/// Length and time of the last change.
type Stamp = (u64, Option<SystemTime>);

fn stamp(about: &Metadata) -> Stamp {
    (about.len(), about.modified().ok())
}

/// To the second, as HTTP says it.
fn modified(about: &Metadata) -> Option<Timestamp> {
    let at = Timestamp::try_from(about.modified().ok()?).ok()?;
    Timestamp::from_second(at.as_second()).ok()
}

/// `None` where it gains less than a tenth.
fn compressed(bytes: &[u8]) -> Option<Bytes> {
    if bytes.len() < WORTH_COMPRESSING {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).ok()?;
    let packed = encoder.finish().ok()?;
    (packed.len() < bytes.len() / 10 * 9).then(|| packed.into())
}
