//! Entries, from versions in any order.

use std::collections::{BTreeMap, BTreeSet};

use outboard_contracts::connector::{
    Kind, Manifest,
    catalog::{Digest, Entry, Release, is_pre_release, order},
};

/// The versions of each key.
#[derive(Default)]
pub(super) struct Builder(BTreeMap<String, Vec<Described>>);

/// One version, and what its package says it is.
#[derive(Default)]
pub(super) struct Described {
    pub(super) release: Release,
    pub(super) manifest: Option<Manifest>,
}

impl Builder {
    /// The version, which is there after this.
    pub(super) fn version(&mut self, key: &str, version: &str) -> &mut Described {
        let versions = self.0.entry(key.to_owned()).or_default();
        let known = versions
            .iter()
            .position(|one| one.release.version == version);
        let at = known.unwrap_or_else(|| {
            let mut described = Described::default();
            version.clone_into(&mut described.release.version);
            versions.push(described);
            versions.len() - 1
        });
        &mut versions[at]
    }

    pub(super) fn finish(self) -> Vec<Entry> {
        let entries = self.0.into_iter();
        entries
            .filter_map(|(key, versions)| entry(key, versions))
            .collect()
    }
}

impl Described {
    pub(super) fn add(&mut self, platform: &str, url: &str, digest: Option<Digest>) {
        let release = &mut self.release;
        release.assets.insert(platform.to_owned(), url.to_owned());
        if let Some(digest) = digest {
            release.digests.insert(platform.to_owned(), digest);
        }
    }
}

/// Which of the versions is on top, and all of them newest first: one with archives before
/// one without, and one for everybody before a pre-release.
pub(super) fn top_and_order<T>(versions: &mut [T], release: impl Fn(&T) -> &Release) -> usize {
    versions.sort_by(|one, other| {
        let (one, other) = (release(one), release(other));
        let newest = order(&other.version, &one.version);
        newest.then_with(|| one.version.cmp(&other.version))
    });
    let rank = |one: &Release| (one.assets.is_empty(), is_pre_release(&one.version));
    let ranked = versions.iter().enumerate();
    let top = ranked.min_by_key(|(at, one)| (rank(release(one)), *at));
    top.map_or(0, |(at, _)| at)
}

/// The newest `count` versions and the one on `top`, and each older one with a platform
/// that none of them has. They are ordered already.
pub(super) fn keep_newest<T>(
    versions: &mut Vec<T>,
    top: usize,
    count: usize,
    release: impl Fn(&T) -> &Release,
) {
    let mut platforms = BTreeSet::new();
    let mut at = 0;
    versions.retain(|one| {
        let assets = &release(one).assets;
        let new = assets.keys().any(|platform| !platforms.contains(platform));
        let keep = new || at < count || at == top;
        at += 1;
        if keep {
            platforms.extend(assets.keys().cloned());
        }
        keep
    });
}

fn entry(key: String, mut versions: Vec<Described>) -> Option<Entry> {
    let top = top_and_order(&mut versions, |one| &one.release);
    if top >= versions.len() {
        return None;
    }
    let Described { release, manifest } = versions.remove(top);
    let mut entry = Entry {
        name: key.clone(),
        key,
        version: release.version,
        assets: release.assets,
        digests: release.digests,
        versions: versions
            .into_iter()
            .map(|described| described.release)
            .filter(|release| !release.assets.is_empty())
            .collect(),
        ..Entry::default()
    };
    if let Some(manifest) = manifest {
        let kind = manifest.kind();
        if kind != Kind::Connector {
            kind.as_str().clone_into(&mut entry.kind);
        }
        let meta = manifest.module.meta;
        if !meta.name.is_empty() {
            entry.name = meta.name;
        }
        entry.description = meta.description;
        entry.default_tags = meta.default_tags;
    }
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(version: &str, platforms: &[&str]) -> Release {
        let assets = platforms
            .iter()
            .map(|one| ((*one).to_owned(), String::new()));
        Release {
            version: version.to_owned(),
            assets: assets.collect(),
            ..Release::default()
        }
    }

    #[test]
    fn the_newest_for_everybody_with_an_archive_is_on_top() {
        let top = |versions: &[(&str, &[&str])]| {
            let versions = versions.iter().map(|(version, platforms)| Described {
                release: release(version, platforms),
                manifest: None,
            });
            let entry = entry("a".to_owned(), versions.collect()).unwrap();
            let others = entry.versions.iter().map(|one| one.version.clone());
            (entry.version, others.collect::<Vec<_>>())
        };
        let linux: &[&str] = &["linux/amd64"];
        let made = top(&[("1.9.0", linux), ("1.10.0", linux), ("2.0.0-rc.1", linux)]);
        assert_eq!(made.0, "1.10.0");
        assert_eq!(made.1, ["2.0.0-rc.1", "1.9.0"]);
        let made = top(&[("1.0.0", linux), ("1.1.0", &[])]);
        assert_eq!((made.0.as_str(), made.1.len()), ("1.0.0", 0));
        let made = top(&[("1.0.0", &[]), ("0.9.0-rc.1", linux)]);
        assert_eq!((made.0.as_str(), made.1.len()), ("0.9.0-rc.1", 0));
        let made = top(&[("1.0.0", &[]), ("1.1.0", &[])]);
        assert_eq!((made.0.as_str(), made.1.len()), ("1.1.0", 0));
    }

    #[test]
    fn an_older_version_is_kept_for_the_platform_that_only_it_has() {
        let mut versions: Vec<Release> = (0..6)
            .rev()
            .map(|minor| {
                let platforms: &[&str] = if minor < 2 { &["a/a", "b/b"] } else { &["a/a"] };
                release(&format!("1.{minor}.0"), platforms)
            })
            .collect();
        keep_newest(&mut versions, 3, 2, |one| one);
        let kept: Vec<_> = versions.iter().map(|one| one.version.as_str()).collect();
        // The fourth is the one on top, the fifth has the platform.
        assert_eq!(kept, ["1.5.0", "1.4.0", "1.2.0", "1.1.0"]);
    }
}
