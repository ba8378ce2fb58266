//! Several catalogs as one.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use outboard_contracts::connector::catalog::{Digest, Entry, NoRelease};

use super::{
    near::near,
    source::{Cached, Look, Source, SourceError},
};
use crate::download::{DownloadError, Wanted, parse_url};

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
    /// A catalog has it, at a place that nothing is fetched from.
    #[error("{key} has no archive that may be fetched: {reason}")]
    Asset {
        /// What was asked for.
        key: String,
        /// What is wrong with the place.
        reason: String,
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

impl Snapshot {
    /// What a person may mean: connectors with every word in key, name, tags or description,
    /// in any case; those first whose key or name has it. No words find everything.
    pub fn search(&self, query: &str) -> Vec<&Available> {
        let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
        let mut found: Vec<(u32, &Available)> = self
            .available
            .values()
            .filter_map(|available| Some((rank(&available.entry, &words)?, available)))
            .collect();
        // It keeps the order of keys.
        found.sort_by_key(|(rank, _)| *rank);
        found.into_iter().map(|(_, available)| available).collect()
    }
}

/// How far an entry is from the words; `None` if one is not in it.
fn rank(entry: &Entry, words: &[String]) -> Option<u32> {
    let key = entry.key.to_lowercase();
    let name = entry.name.to_lowercase();
    let tags = entry.default_tags.iter().map(|tag| tag.name.to_lowercase());
    let tags: Vec<String> = tags.collect();
    let description = entry.description.to_lowercase();
    let one = |word: &String| {
        let word = word.as_str();
        if key == word || name == word {
            Some(0)
        } else if key.starts_with(word) || name.starts_with(word) {
            Some(1)
        } else if key.contains(word) || name.contains(word) {
            Some(2)
        } else if tags.iter().any(|tag| tag.contains(word)) {
            Some(3)
        } else {
            description.contains(word).then_some(4)
        }
    };
    words.iter().map(one).sum()
}

/// What a catalog has of one connector.
#[derive(Clone, Debug)]
pub struct Available {
    /// What it says.
    pub entry: Entry,
    source: Source,
}

impl Available {
    /// The catalog that has it, without credentials.
    pub fn catalog(&self) -> String {
        self.source.shown()
    }
}

/// What to fetch. Its debug output shows no token.
#[derive(Clone, PartialEq)]
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
    /// The catalog's token, if the archive is at the catalog's own origin.
    bearer: Option<String>,
}

impl std::fmt::Debug for Resolved {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Resolved")
            .field("key", &self.key)
            .field("version", &self.version)
            .field("location", &self.location)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

impl Resolved {
    /// How to fetch the archive, with the catalog's token if that may be sent there and
    /// with the digest that it must have. `None`: it is a file on this machine.
    ///
    /// # Errors
    ///
    /// [`DownloadError::Scheme`] for `http` from elsewhere unless `allow_http`.
    pub fn wanted(&self, allow_http: bool) -> Result<Option<Wanted>, DownloadError> {
        if !self.location.contains("://") {
            return Ok(None);
        }
        let mut wanted = Wanted::new(parse_url(&self.location, allow_http)?);
        wanted.bearer.clone_from(&self.bearer);
        wanted.digest.clone_from(&self.digest);
        Ok(Some(wanted))
    }
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

    /// The catalogs in their order, without credentials.
    pub fn shown(&self) -> Vec<String> {
        self.config.sources.iter().map(Source::shown).collect()
    }

    /// What all catalogs have. One that cannot be read is a warning, and its last copy is
    /// used. They are read at the same time, so this blocks for hardly longer than the
    /// timeout of one.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (cached, look) in self.sources.iter().zip(self.looks()) {
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

    fn looks(&self) -> Vec<Look> {
        let look = |cached: &Cached| cached.look(&self.config);
        let look = &look;
        std::thread::scope(|scope| {
            let started: Vec<_> = self
                .sources
                .iter()
                .skip(1)
                .map(|cached| {
                    let thread = std::thread::Builder::new().name("outboard-catalog".to_owned());
                    (cached, thread.spawn_scoped(scope, move || look(cached)))
                })
                .collect();
            let first = self.sources.iter().take(1).map(look);
            let mut looks: Vec<Look> = first.collect();
            for (cached, started) in started {
                // Where no thread can be had, it is read now.
                looks.push(match started {
                    Ok(thread) => thread.join().unwrap_or_else(|_| Look {
                        known: None,
                        error: Some(SourceError::Read {
                            catalog: cached.source.shown(),
                            reason: "reading it panicked".to_owned(),
                        }),
                    }),
                    Err(_) => look(cached),
                });
            }
            looks
        })
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
        // There is one: the release was chosen by it.
        let asset = release.assets.remove(platform).unwrap_or_default();
        let (location, own) = available
            .source
            .asset(&asset, self.config.allow_http)
            .map_err(|reason| ReaderError::Asset {
                key: key.to_owned(),
                reason,
            })?;
        Ok(Resolved {
            key: key.to_owned(),
            version: release.version,
            location,
            digest: release.digests.remove(platform),
            bearer: self.config.token.clone().filter(|_| own),
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
