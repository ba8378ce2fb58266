//! A catalog of releases, as GitHub lists them.

use std::collections::BTreeMap;

use outboard_contracts::connector::{
    Manifest,
    catalog::{Digest, Release, is_version},
    validate_key,
};
use serde::{Deserialize, Deserializer};

use super::{
    BuildError, Built,
    entries::{Builder, keep_newest, top_and_order},
};

/// How many versions of a connector a catalog of releases has. An older one is there as
/// well if it has an archive for a platform that no newer one has.
pub const MAX_VERSIONS: usize = 10;

/// A release as GitHub lists it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListedRelease {
    /// `KEY/vVERSION`.
    #[serde(deserialize_with = "or_default")]
    pub tag_name: String,
    /// Not published.
    #[serde(deserialize_with = "or_default")]
    pub draft: bool,
    /// Said to be one that is not for everybody.
    #[serde(deserialize_with = "or_default")]
    pub prerelease: bool,
    /// Its files.
    #[serde(deserialize_with = "or_default")]
    pub assets: Vec<ListedAsset>,
}

/// A file of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ListedAsset {
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Where it is.
    #[serde(deserialize_with = "or_default")]
    pub browser_download_url: String,
    /// How many bytes it has.
    #[serde(deserialize_with = "or_default")]
    pub size: u64,
    /// What it hashes to, such as `sha256:` and 64 hexadecimal digits. Absent in older
    /// lists.
    #[serde(deserialize_with = "or_default")]
    pub digest: String,
}

/// `null` stands for nothing, as in Go.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl ListedAsset {
    fn digest(&self) -> Option<Digest> {
        let sha256 = self.digest.strip_prefix("sha256:")?.to_ascii_lowercase();
        let digits = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        (digits && self.size > 0).then_some(Digest {
            sha256,
            size: self.size,
        })
    }
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

/// Fetches an archive and says what is in it, or why it cannot.
pub type FetchAsset<'a> = dyn Fn(&ListedAsset) -> Result<FetchedAsset, String> + 'a;

/// Makes a catalog of releases. `fetch` is asked for archives whose digest the list does
/// not say, and for one of each connector, whose name, description and tags are in it;
/// where it fails, the catalog leaves them out and a warning says so.
///
/// A release is that of a connector when its tag is `KEY/vVERSION`. Drafts and what is
/// marked as a pre-release are passed over. Archives are `*-OS-ARCH.zip` or `.tar.gz`. One
/// that was fetched and holds another connector, version or platform is left out.
pub fn from_releases(releases: &[ListedRelease], fetch: &FetchAsset<'_>) -> Built {
    let mut listed: BTreeMap<&str, Vec<Listed<'_>>> = BTreeMap::new();
    for release in releases {
        if let Some((key, one)) = Listed::of(release) {
            let versions = listed.entry(key).or_default();
            // A version is released once; the list has the newest release first.
            if !versions
                .iter()
                .any(|known| known.release.version == one.release.version)
            {
                versions.push(one);
            }
        }
    }
    let mut builder = Builder::default();
    let mut warnings = Vec::new();
    for (key, mut versions) in listed {
        let top = top_and_order(&mut versions, |one| &one.release);
        let on_top = versions[top].release.version.clone();
        keep_newest(&mut versions, top, MAX_VERSIONS, |one| &one.release);
        for one in versions {
            let version = one.release.version.as_str();
            let described = builder.version(key, version);
            for (platform, asset) in one.assets {
                let mut digest = asset.digest();
                let tells = version == on_top && described.manifest.is_none();
                if tells || digest.is_none() {
                    match fetch(asset) {
                        Ok(fetched) => {
                            if let Some(problem) = mismatch(&fetched, key, version, &platform) {
                                let name = &asset.name;
                                warnings.push(format!("{name} is left out: {problem}"));
                                continue;
                            }
                            digest = digest.or(fetched.digest);
                            described.manifest.get_or_insert(fetched.manifest);
                        }
                        Err(reason) => {
                            warnings.push(format!("{} was not read: {reason}", asset.name));
                        }
                    }
                }
                described.add(&platform, &asset.browser_download_url, digest);
            }
        }
    }
    Built {
        entries: builder.finish(),
        // They quote names that anybody may have chosen, and are for a terminal.
        warnings: warnings
            .iter()
            .map(|text| text.replace(char::is_control, "\u{fffd}"))
            .collect(),
    }
}

/// A release of a connector, with its archives by platform.
struct Listed<'a> {
    /// Its version, and where the archives are.
    release: Release,
    assets: BTreeMap<String, &'a ListedAsset>,
}

impl<'a> Listed<'a> {
    fn of(listed: &'a ListedRelease) -> Option<(&'a str, Listed<'a>)> {
        if listed.draft || listed.prerelease {
            return None;
        }
        let (key, version) = split_tag(&listed.tag_name)?;
        let mut assets: BTreeMap<String, &ListedAsset> = BTreeMap::new();
        for asset in &listed.assets {
            let Some(platform) = platform_of(&asset.name) else {
                continue;
            };
            // Of two kinds of archive, the one that every host can read.
            if asset.name.ends_with(".zip") || !assets.contains_key(&platform) {
                assets.insert(platform, asset);
            }
        }
        let urls = assets
            .iter()
            .map(|(platform, asset)| (platform.clone(), asset.browser_download_url.clone()));
        let release = Release {
            version: version.to_owned(),
            assets: urls.collect(),
            ..Release::default()
        };
        Some((key, Listed { release, assets }))
    }
}

/// Why an archive would be refused by who installs it.
fn mismatch(found: &FetchedAsset, key: &str, version: &str, platform: &str) -> Option<String> {
    let manifest = &found.manifest;
    let bare = manifest.version.strip_prefix('v');
    if manifest.key() != key || bare.unwrap_or(&manifest.version) != version {
        let (other, its) = (manifest.key(), &manifest.version);
        return Some(format!("it holds {other:?} {its:?}, not {key} {version}"));
    }
    // Windows archives have the program's extension in their names.
    let platform = platform.strip_suffix(".exe").unwrap_or(platform);
    (!manifest.runs_on(platform)).then(|| {
        let platforms = manifest.os_arch.join(", ");
        format!("it runs on {platforms}, not on {platform}")
    })
}

/// A tag's key and version: split at the last `/v`, so that a key cannot be cut by one.
pub fn split_tag(tag: &str) -> Option<(&str, &str)> {
    let (key, version) = tag.rsplit_once("/v")?;
    (validate_key(key).is_ok() && is_version(version)).then_some((key, version))
}

/// The platform in an archive's name: its last two parts.
pub fn platform_of(name: &str) -> Option<String> {
    let ends = [".zip", ".tar.gz", ".tgz"];
    let stem = ends.iter().find_map(|end| name.strip_suffix(end))?;
    let mut parts = stem.rsplit('-');
    let (arch, os) = (parts.next()?, parts.next()?);
    // Before them there are a key and a version.
    parts.next()?;
    (!arch.is_empty() && !os.is_empty()).then(|| format!("{os}/{arch}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_split_at_its_last_slash_v_and_must_have_a_key_and_a_version() {
        assert_eq!(split_tag("alpha/v1.10.0"), Some(("alpha", "1.10.0")));
        assert_eq!(
            split_tag("with_under/v0.1.0-rc.1"),
            Some(("with_under", "0.1.0-rc.1"))
        );
        for tag in [
            "v0.28.0",
            "beta/1.0",
            "/v1",
            "gamma/v",
            "a/v1/v2",
            "",
            "../x/v1",
            "a/vnext",
            "a/v1.0.0\u{1b}",
        ] {
            assert_eq!(split_tag(tag), None, "{tag}");
        }
    }

    #[test]
    fn the_platform_is_the_last_two_parts_of_an_archives_name() {
        let of = |name| platform_of(name);
        for (name, platform) in [
            ("a-1.0.0-rc.1-linux-arm64.zip", "linux/arm64"),
            ("a-1.0.0-linux-arm64.tar.gz", "linux/arm64"),
            ("a-1.0-windows-amd64.exe.zip", "windows/amd64.exe"),
        ] {
            assert_eq!(of(name).as_deref(), Some(platform));
        }
        for name in [
            "checksums.txt",
            "linux-amd64.zip",
            "a.zip",
            "-.zip",
            "a--.zip",
        ] {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
