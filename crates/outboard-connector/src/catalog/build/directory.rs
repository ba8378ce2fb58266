//! A catalog of the archives in a directory.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use outboard_contracts::connector::{Manifest, catalog::Digest};
use sha2::{Digest as _, Sha256};

use super::{BuildError, Built, entries::Builder};
use crate::{download::parse_url, package::files::hex};

/// Reads `plugin.json` out of an archive.
pub type ReadManifest<'a> = dyn Fn(&Path) -> Result<Manifest, String> + 'a;

/// Makes a catalog of the archives in a directory: its files `*.zip`, `*.tar.gz` and
/// `*.tgz`. `base_url` is where they will be; without it the catalog names them relative
/// to itself.
///
/// # Errors
///
/// [`BuildError`] for the first archive that holds no package.
pub fn from_directory(
    directory: &Path,
    base_url: Option<&str>,
    read_manifest: &ReadManifest<'_>,
) -> Result<Built, BuildError> {
    let base = match base_url {
        Some(base) => format!("{}/", base.trim_end_matches('/')),
        None => String::new(),
    };
    if base_url.is_some() {
        // The archives may be meant for a network of its own.
        parse_url(&base, true).map_err(BuildError::Base)?;
    }
    let mut builder = Builder::default();
    let mut seen: BTreeMap<(String, String, String), PathBuf> = BTreeMap::new();
    for path in archives(directory)? {
        let package = |reason| BuildError::Package {
            path: path.clone(),
            reason,
        };
        let name = plain_name(&path)?;
        let manifest = read_manifest(&path).map_err(package)?;
        manifest
            .check()
            .map_err(|problem| package(problem.to_string()))?;
        let digest = digest(&path)?;
        let described = builder.version(manifest.key(), &manifest.version);
        for platform in &manifest.os_arch {
            let same = (
                manifest.key().to_owned(),
                manifest.version.clone(),
                platform.clone(),
            );
            if let Some(first) = seen.insert(same, path.clone()) {
                return Err(BuildError::Twice {
                    first,
                    second: path,
                });
            }
            described.add(platform, &format!("{base}{name}"), Some(digest.clone()));
        }
        described.manifest.get_or_insert(manifest);
    }
    Ok(Built {
        entries: builder.finish(),
        warnings: Vec::new(),
    })
}

/// The archives, in the order of their names. A pipe or a directory of that name is none.
fn archives(directory: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let read = |source| BuildError::Read {
        path: directory.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(read)? {
        let path = entry.map_err(read)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let ends = [".zip", ".tar.gz", ".tgz"];
        let named = name.is_some_and(|name| ends.iter().any(|end| name.ends_with(end)));
        if named && fs::metadata(&path).map_err(read)?.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The file's name, which means the same in a URL and in a path.
fn plain_name(path: &Path) -> Result<&str, BuildError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    name.filter(|name| name.bytes().all(plain))
        .ok_or_else(|| BuildError::Name {
            path: path.to_owned(),
        })
}

fn digest(path: &Path) -> Result<Digest, BuildError> {
    let read = |source| BuildError::Read {
        path: path.to_owned(),
        source,
    };
    let mut file = fs::File::open(path).map_err(read)?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut piece = vec![0; 64 * 1024];
    loop {
        match file.read(&mut piece).map_err(read)? {
            0 => break,
            length => {
                hash.update(&piece[..length]);
                size += length as u64;
            }
        }
    }
    Ok(Digest {
        sha256: hex(&hash.finalize()),
        size,
    })
}
