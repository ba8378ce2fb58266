//! Catalogs, written: from archives in a directory, or from a list of releases.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use outboard_contracts::connector::{
    Manifest,
    catalog::{Digest, Entry, Release, order},
    validate_key,
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::download::hex;

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
    /// Two archives of one connector, version and platform.
    #[error("{first} and {second} are the same connector, version and platform", first = first.display(), second = second.display())]
    Twice {
        /// One.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A list of releases that is none.
    #[error("this is no list of releases: {reason}")]
    Releases {
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads `plugin.json` out of an archive.
pub type ReadManifest<'a> = dyn Fn(&Path) -> Result<Manifest, String> + 'a;

/// Makes a catalog of the archives in a directory. `base_url` is where they will be; without
/// it the catalog names them relative to itself.
///
/// # Errors
///
/// [`BuildError`] for the first archive that holds no package.
pub fn from_directory(
    directory: &Path,
    base_url: Option<&str>,
    read_manifest: &ReadManifest<'_>,
) -> Result<Vec<Entry>, BuildError> {
    let read = |source| BuildError::Read {
        path: directory.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if is_archive(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    let mut builder = Builder::default();
    let mut seen: BTreeMap<(String, String, String), PathBuf> = BTreeMap::new();
    for path in paths {
        let manifest = read_manifest(&path).map_err(|reason| BuildError::Package {
            path: path.clone(),
            reason,
        })?;
        manifest.check().map_err(|problem| BuildError::Package {
            path: path.clone(),
            reason: problem.to_string(),
        })?;
        let digest = digest(&path)?;
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or_default();
        let url = match base_url {
            Some(base) => format!("{}/{name}", base.trim_end_matches('/')),
            None => name.to_owned(),
        };
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
            builder.add(
                manifest.key(),
                &manifest.version,
                platform,
                &url,
                Some(digest.clone()),
            );
        }
        builder.describe(manifest.key(), &manifest.version, &manifest);
    }
    Ok(builder.finish())
}

fn is_archive(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| {
        [".zip", ".tar.gz", ".tgz"]
            .iter()
            .any(|end| name.ends_with(end))
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

/// A release as GitHub lists it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListedRelease {
    /// `KEY/vVERSION`.
    pub tag_name: String,
    /// Not published.
    pub draft: bool,
    /// Said to be one that is not for everybody.
    pub prerelease: bool,
    /// Its files.
    pub assets: Option<Vec<ListedAsset>>,
}

/// A file of a release.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListedAsset {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub browser_download_url: String,
}

/// Reads a list of releases as GitHub prints it.
///
/// # Errors
///
/// [`BuildError::Releases`].
pub fn parse_releases(bytes: &[u8]) -> Result<Vec<ListedRelease>, BuildError> {
    serde_json::from_slice(bytes).map_err(|error| BuildError::Releases {
        reason: error.to_string(),
    })
}

/// What was found in an archive that was fetched.
#[derive(Clone, Debug)]
pub struct FetchedAsset {
    /// Its manifest.
    pub manifest: Manifest,
    /// What it hashes to.
    pub digest: Option<Digest>,
}

/// Makes a catalog of releases. `fetch` gets the URL of an archive and says what is in it;
/// where it does not, the catalog has neither name nor digest for it.
///
/// A release is that of a connector when its tag is `KEY/vVERSION`; drafts are passed over.
/// Archives are `*-OS-ARCH.zip`.
pub fn from_releases(
    releases: &[ListedRelease],
    fetch: &dyn Fn(&str) -> Option<FetchedAsset>,
) -> Vec<Entry> {
    let mut builder = Builder::default();
    for release in releases.iter().filter(|release| !release.draft) {
        let Some((key, version)) = split_tag(&release.tag_name) else {
            continue;
        };
        builder.release(key, version);
        let mut assets: Vec<(String, &ListedAsset)> = release
            .assets
            .iter()
            .flatten()
            .filter_map(|asset| Some((platform_of(&asset.name)?, asset)))
            .collect();
        assets.sort_by(|one, other| one.0.cmp(&other.0));
        for (platform, asset) in assets {
            let url = &asset.browser_download_url;
            let fetched = fetch(url);
            // An archive that holds something else describes nothing.
            let fetched = fetched.filter(|fetched| fetched.manifest.key() == key);
            let digest = fetched.as_ref().and_then(|fetched| fetched.digest.clone());
            builder.add(key, version, &platform, url, digest);
            if let Some(fetched) = fetched {
                builder.describe(key, version, &fetched.manifest);
            }
        }
    }
    builder.finish()
}

/// A tag's key and version: split at the last `/v`, so that a key cannot be cut by one.
pub fn split_tag(tag: &str) -> Option<(&str, &str)> {
    let (key, version) = tag.rsplit_once("/v")?;
    (validate_key(key).is_ok() && !version.is_empty()).then_some((key, version))
}

/// The platform in an archive's name: its last two parts.
pub fn platform_of(name: &str) -> Option<String> {
    let mut parts = name.strip_suffix(".zip")?.rsplit('-');
    let (arch, os) = (parts.next()?, parts.next()?);
    // Before them there are a key and a version.
    parts.next()?;
    Some(format!("{os}/{arch}"))
}

#[derive(Default)]
struct Builder(BTreeMap<String, BTreeMap<Ordered, Described>>);

#[derive(Default)]
struct Described {
    release: Release,
    manifest: Option<Manifest>,
}

/// A version by its order, the newest first.
#[derive(PartialEq, Eq)]
struct Ordered(String);

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        order(&other.0, &self.0).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Builder {
    fn release(&mut self, key: &str, version: &str) -> &mut Described {
        let versions = self.0.entry(key.to_owned()).or_default();
        let described = versions.entry(Ordered(version.to_owned())).or_default();
        version.clone_into(&mut described.release.version);
        described
    }

    fn add(&mut self, key: &str, version: &str, platform: &str, url: &str, digest: Option<Digest>) {
        let release = &mut self.release(key, version).release;
        release.assets.insert(platform.to_owned(), url.to_owned());
        if let Some(digest) = digest {
            release.digests.insert(platform.to_owned(), digest);
        }
    }

    fn describe(&mut self, key: &str, version: &str, manifest: &Manifest) {
        let described = self.release(key, version);
        described.manifest.get_or_insert_with(|| manifest.clone());
    }

    fn finish(self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (key, versions) in self.0 {
            let mut versions = versions.into_values();
            let Some(newest) = versions.next() else {
                continue;
            };
            let mut entry = Entry {
                name: key.clone(),
                key,
                version: newest.release.version,
                assets: newest.release.assets,
                digests: newest.release.digests,
                versions: versions
                    .map(|described| described.release)
                    .filter(|release| !release.assets.is_empty())
                    .collect(),
                ..Entry::default()
            };
            if let Some(manifest) = newest.manifest {
                let kind = manifest.kind();
                if kind != Default::default() {
                    kind.as_str().clone_into(&mut entry.kind);
                }
                let meta = manifest.module.meta;
                if !meta.name.is_empty() {
                    entry.name = meta.name;
                }
                entry.description = meta.description;
                entry.default_tags = meta.default_tags;
            }
            entries.push(entry);
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_split_at_its_last_slash_v_and_must_have_a_key() {
        assert_eq!(split_tag("alpha/v1.10.0"), Some(("alpha", "1.10.0")));
        assert_eq!(
            split_tag("with_under/v0.1.0-rc.1"),
            Some(("with_under", "0.1.0-rc.1"))
        );
        for tag in [
            "v0.28.0", "beta/1.0", "/v1", "gamma/v", "a/v1/v2", "", "../x/v1",
        ] {
            assert_eq!(split_tag(tag), None, "{tag}");
        }
    }

    #[test]
    fn the_platform_is_the_last_two_parts_of_an_archives_name() {
        let of = |name| platform_of(name);
        assert_eq!(
            of("a-1.0.0-rc.1-linux-arm64.zip").as_deref(),
            Some("linux/arm64")
        );
        assert_eq!(
            of("a-1.0-windows-amd64.exe.zip").as_deref(),
            Some("windows/amd64.exe")
        );
        for name in ["checksums.txt", "linux-amd64.zip", "a.zip", "-.zip"] {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
