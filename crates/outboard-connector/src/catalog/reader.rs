//! Several catalogs as one.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use outboard_contracts::connector::catalog::{Digest, Entry, NoRelease};

use super::source::{Cached, Source, SourceError};

/// How catalogs are read.
#[derive(Clone)]
pub struct ReaderConfig {
    /// The catalogs; where two have one key, the first counts.
    pub sources: Vec<Source>,
    /// Where their last copies are kept.
    pub cache_dir: PathBuf,
    /// How long a copy is as good as the catalog: 15 min.
    pub time_to_live: Duration,
    /// How long a catalog gets to answer: 20 s.
    pub timeout: Duration,
    /// A bearer token, which each catalog on the web gets and nobody else.
    pub token: Option<String>,
    /// Whether `http` is taken from other machines too.
    pub allow_http: bool,
}

impl std::fmt::Debug for ReaderConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sources: Vec<_> = self.sources.iter().map(Source::shown).collect();
        formatter
            .debug_struct("ReaderConfig")
            .field("sources", &sources)
            .field("cache_dir", &self.cache_dir)
            .finish_non_exhaustive()
    }
}

impl ReaderConfig {
    /// The defaults, for these catalogs.
    pub fn new(sources: Vec<Source>, cache_dir: impl Into<PathBuf>) -> ReaderConfig {
        ReaderConfig {
            sources,
            cache_dir: cache_dir.into(),
            time_to_live: Duration::from_secs(15 * 60),
            timeout: Duration::from_secs(20),
            token: None,
            allow_http: false,
        }
    }
}

/// Why a connector cannot be found.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReaderError {
    /// There is no catalog to look into.
    #[error("there is no catalog to look into")]
    NoCatalog,
    /// No catalog has it.
    #[error("no catalog has {key}{}{}", hint(near), told(warnings))]
    Unknown {
        /// What was asked for.
        key: String,
        /// Keys that look like it.
        near: Vec<String>,
        /// Catalogs that could not be read; it may be in one of them.
        warnings: Vec<String>,
    },
    /// A catalog has it, and not what was asked for.
    #[error("{key}: {reason}")]
    NoRelease {
        /// What was asked for.
        key: String,
        /// What is not there.
        reason: NoRelease,
    },
}

fn hint(near: &[String]) -> String {
    match near {
        [] => String::new(),
        keys => format!("; did you mean {}?", keys.join(" or ")),
    }
}

fn told(warnings: &[String]) -> String {
    match warnings {
        [] => String::new(),
        all => format!(" ({})", all.join("; ")),
    }
}

/// All catalogs at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// What they have, by key.
    pub available: BTreeMap<String, Available>,
    /// What is wrong with them, also where their last copies are used.
    pub warnings: Vec<String>,
}

/// What a catalog has of one connector.
#[derive(Clone, Debug)]
pub struct Available {
    /// What it says.
    pub entry: Entry,
    source: Source,
}

/// What to fetch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Resolved {
    /// The connector's key.
    pub key: String,
    /// The version.
    pub version: String,
    /// Where its archive is: a URL, or a path if the catalog is a file.
    pub location: String,
    /// What it must hash to, if the catalog says so.
    pub digest: Option<Digest>,
}

/// Reads catalogs, and keeps what it read.
pub struct Reader {
    config: ReaderConfig,
    sources: Vec<Cached>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.config.fmt(formatter)
    }
}

impl Reader {
    /// A reader; nothing is fetched yet.
    pub fn new(config: ReaderConfig) -> Reader {
        Reader {
            sources: config.sources.iter().cloned().map(Cached::new).collect(),
            config,
        }
    }

    /// Whether there is any catalog.
    pub fn has_catalogs(&self) -> bool {
        !self.sources.is_empty()
    }

    /// What all catalogs have. One that cannot be read is a warning, and its last copy is
    /// used. Blocks for at most the timeout of each.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for cached in &self.sources {
            let look = cached.look(&self.config);
            if let Some(error) = &look.error {
                let age = look.known.as_ref().map(|known| known.at);
                snapshot.warnings.push(warning(error, age));
            }
            let entries = look.known.map(|known| known.entries);
            for entry in entries.iter().flat_map(|entries| entries.iter()) {
                let found = snapshot.available.entry(entry.key.clone());
                found.or_insert_with(|| Available {
                    entry: entry.clone(),
                    source: cached.source.clone(),
                });
            }
        }
        snapshot
    }

    /// What to fetch for a connector: the version that is named, or the newest that runs on
    /// `platform`.
    ///
    /// # Errors
    ///
    /// [`ReaderError`].
    pub fn resolve(
        &self,
        key: &str,
        version: Option<&str>,
        platform: &str,
    ) -> Result<Resolved, ReaderError> {
        if !self.has_catalogs() {
            return Err(ReaderError::NoCatalog);
        }
        let snapshot = self.snapshot();
        let Some(available) = snapshot.available.get(key) else {
            return Err(ReaderError::Unknown {
                near: near(key, snapshot.available.keys()),
                key: key.to_owned(),
                warnings: snapshot.warnings,
            });
        };
        let no_release = |reason| ReaderError::NoRelease {
            key: key.to_owned(),
            reason,
        };
        let mut release = available
            .entry
            .release(version, platform)
            .map_err(no_release)?;
        let location = release
            .assets
            .get(platform)
            .and_then(|asset| available.source.asset(asset));
        let Some(location) = location else {
            return Err(no_release(NoRelease::Platform {
                platform: platform.to_owned(),
                available: release.assets.into_keys().collect(),
            }));
        };
        Ok(Resolved {
            key: key.to_owned(),
            version: release.version,
            location,
            digest: release.digests.remove(platform),
        })
    }
}

fn warning(error: &SourceError, at: Option<SystemTime>) -> String {
    let Some(at) = at else {
        return error.to_string();
    };
    let minutes = at.elapsed().unwrap_or_default().as_secs() / 60;
    format!("{error}; its copy of {minutes} min ago is used")
}

/// Keys that are, or contain, or begin with what was typed.
fn near<'a>(key: &str, keys: impl Iterator<Item = &'a String>) -> Vec<String> {
    let plain = |text: &str| text.replace(['_', '-', ' '], "").to_lowercase();
    let wanted = plain(key);
    keys.filter(|other| {
        let other = plain(other);
        other.contains(&wanted)
            || wanted.contains(&other)
            || strsim::damerau_levenshtein(&other, &wanted) <= 2
    })
    .take(3)
    .cloned()
    .collect()
}
