//! One catalog: where it is, what was read of it last, and who is reading it now.

use std::{
    fs,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use outboard_contracts::connector::catalog::{CatalogError, Entry, MAX_CATALOG_BYTES, parse};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::reader::ReaderConfig;
use crate::download::{self, DownloadError, DownloadLimits, Fetched, Wanted, shown};

/// Where a catalog is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// On the web.
    Url(Url),
    /// On this machine.
    File(PathBuf),
}

impl Source {
    /// Reads a setting: a URL, or the path of a file.
    ///
    /// # Errors
    ///
    /// [`DownloadError::Url`] and [`DownloadError::Scheme`].
    pub fn parse(text: &str, allow_http: bool) -> Result<Source, DownloadError> {
        match text.contains("://") {
            true => download::parse_url(text, allow_http).map(Source::Url),
            false => Ok(Source::File(PathBuf::from(text))),
        }
    }

    /// The catalog's name in texts; no password, no token.
    pub fn shown(&self) -> String {
        match self {
            Source::Url(url) => shown(url),
            Source::File(path) => path.display().to_string(),
        }
    }

    /// Where an asset is that the catalog names, perhaps relative to itself.
    pub(super) fn asset(&self, text: &str) -> Option<String> {
        match self {
            Source::Url(url) => url.join(text).ok().map(Url::into),
            Source::File(_) if text.contains("://") => Some(text.to_owned()),
            Source::File(path) => {
                let beside = path.parent().unwrap_or(Path::new("")).join(text);
                beside.to_str().map(str::to_owned)
            }
        }
    }
}

/// A catalog that could not be read.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// It could not be fetched.
    #[error("the catalog {catalog} could not be fetched: {error}")]
    Fetch {
        /// The catalog.
        catalog: String,
        /// Why.
        error: Arc<DownloadError>,
    },
    /// The file could not be read.
    #[error("the catalog {catalog} could not be read: {reason}")]
    Read {
        /// The catalog.
        catalog: String,
        /// Why.
        reason: String,
    },
    /// What came is no catalog.
    #[error("the catalog {catalog} cannot be used: {error}")]
    Content {
        /// The catalog.
        catalog: String,
        /// What is wrong with it.
        error: CatalogError,
    },
    /// Somebody else has been fetching it for too long.
    #[error("the catalog {catalog} is still being fetched after {waited:?}")]
    Waiting {
        /// The catalog.
        catalog: String,
        /// How long it was waited.
        waited: Duration,
    },
}

/// What is known of a catalog.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) entries: Arc<Vec<Entry>>,
    etag: Option<String>,
    /// When it was fetched, or found to be the same.
    pub(super) at: SystemTime,
}

#[derive(Default)]
struct Shared {
    known: Option<Known>,
    fetching: bool,
    failed: Option<(Instant, SourceError)>,
}

/// One catalog and what is known of it.
pub(super) struct Cached {
    pub(super) source: Source,
    shared: Mutex<Shared>,
    changed: Condvar,
}

/// What a look at a catalog gave: its entries, and what went wrong if they are old ones.
pub(super) struct Look {
    pub(super) known: Option<Known>,
    pub(super) error: Option<SourceError>,
}

/// How soon a catalog that failed is tried again.
const RETRY: Duration = Duration::from_secs(10);

impl Cached {
    pub(super) fn new(source: Source) -> Cached {
        Cached {
            source,
            shared: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in the catalog: what is known if it is young enough, else what can be
    /// fetched, else what is known all the same. One fetch serves all who ask meanwhile.
    pub(super) fn look(&self, config: &ReaderConfig) -> Look {
        let deadline = Instant::now() + config.timeout + Duration::from_secs(1);
        let mut shared = self.shared();
        loop {
            if shared.known.is_none() {
                shared.known = self.stored(config);
            }
            let young = shared.known.as_ref().is_some_and(|known| {
                let age = known.at.elapsed().unwrap_or(Duration::ZERO);
                age < config.time_to_live
            });
            if young {
                return Look {
                    known: shared.known.clone(),
                    error: None,
                };
            }
            if let Some((at, error)) = &shared.failed
                && at.elapsed() < RETRY
            {
                return Look {
                    error: Some(error.clone()),
                    known: shared.known.clone(),
                };
            }
            if !shared.fetching {
                break;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Look {
                    known: shared.known.clone(),
                    error: Some(SourceError::Waiting {
                        catalog: self.source.shown(),
                        waited: config.timeout,
                    }),
                };
            }
            let waited = self.changed.wait_timeout(shared, left);
            shared = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        shared.fetching = true;
        let before = shared.known.clone();
        drop(shared);
        // Nobody holds the lock now; the mark is taken back whatever happens.
        let turn = Fetching(self);
        let fetched = turn.fetch(config, before.as_ref());
        let mut shared = self.shared();
        match fetched {
            Ok(known) => {
                shared.failed = None;
                shared.known = Some(known);
            }
            Err(error) => shared.failed = Some((Instant::now(), error)),
        }
        let look = Look {
            known: shared.known.clone(),
            error: shared.failed.as_ref().map(|(_, error)| error.clone()),
        };
        // Those who wait see what was fetched before they see that nobody fetches.
        drop(shared);
        drop(turn);
        look
    }

    /// The last copy on disk, if there is one that can be read.
    fn stored(&self, config: &ReaderConfig) -> Option<Known> {
        let Source::Url(url) = &self.source else {
            return None;
        };
        let path = stored_path(&config.cache_dir, url);
        let file = fs::File::open(path).ok()?;
        let mut text = Vec::new();
        let limit = 2 * MAX_CATALOG_BYTES as u64;
        file.take(limit).read_to_end(&mut text).ok()?;
        let stored: Stored = serde_json::from_slice(&text).ok()?;
        let entries = parse(stored.catalog.get().as_bytes()).ok()?;
        Some(Known {
            entries: Arc::new(entries),
            etag: stored.etag,
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(stored.fetched_at),
        })
    }
}

/// The one who fetches. Dropping it, also by a panic, lets the next one try.
struct Fetching<'a>(&'a Cached);

impl Drop for Fetching<'_> {
    fn drop(&mut self) {
        self.0.shared().fetching = false;
        self.0.changed.notify_all();
    }
}

impl Fetching<'_> {
    fn fetch(&self, config: &ReaderConfig, before: Option<&Known>) -> Result<Known, SourceError> {
        let catalog = self.0.source.shown();
        let (bytes, etag) = match &self.0.source {
            Source::File(path) => (read_file(path, &catalog)?, None),
            Source::Url(url) => match fetch_url(url, config, before, &catalog)? {
                Some(fetched) => fetched,
                None => {
                    // It is what it was, and as good as new.
                    return Ok(Known {
                        at: SystemTime::now(),
                        ..before.cloned().ok_or_else(|| SourceError::Read {
                            catalog,
                            reason: "it said that nothing changed, and nothing is known".to_owned(),
                        })?
                    });
                }
            },
        };
        let entries = parse(&bytes).map_err(|error| SourceError::Content {
            catalog: catalog.clone(),
            error,
        })?;
        let known = Known {
            entries: Arc::new(entries),
            etag,
            at: SystemTime::now(),
        };
        if let Source::Url(url) = &self.0.source
            && let Err(error) = store(&config.cache_dir, url, &bytes, &known)
        {
            tracing::debug!(catalog, %error, "the catalog's copy could not be kept");
        }
        Ok(known)
    }
}

fn read_file(path: &Path, catalog: &str) -> Result<Vec<u8>, SourceError> {
    let read = |error: std::io::Error| SourceError::Read {
        catalog: catalog.to_owned(),
        reason: error.to_string(),
    };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(read)?;
    file.take(MAX_CATALOG_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(read)?;
    Ok(bytes)
}

type Body = (Vec<u8>, Option<String>);

fn fetch_url(
    url: &Url,
    config: &ReaderConfig,
    before: Option<&Known>,
    catalog: &str,
) -> Result<Option<Body>, SourceError> {
    let failed = |error: DownloadError| SourceError::Fetch {
        catalog: catalog.to_owned(),
        error: Arc::new(error),
    };
    let wanted = Wanted {
        url: url.clone(),
        bearer: config.token.clone(),
        etag: before.and_then(|known| known.etag.clone()),
    };
    let limits = DownloadLimits {
        bytes: MAX_CATALOG_BYTES as u64,
        total: config.timeout,
        idle: config.timeout,
        allow_http: config.allow_http,
        ..DownloadLimits::default()
    };
    let mut file = tempfile::tempfile().map_err(|error| failed(DownloadError::Io(error)))?;
    let fetched = download::download(&wanted, &mut file, &limits, &|_| {}, &|| false);
    let Fetched::File(downloaded) = fetched.map_err(failed)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))
        .and_then(|_| file.read_to_end(&mut bytes))
        .map_err(|error| failed(DownloadError::Io(error)))?;
    Ok(Some((bytes, downloaded.etag)))
}

/// A catalog's last copy, as it lies in the cache.
#[derive(Serialize, Deserialize)]
struct Stored {
    fetched_at: u64,
    etag: Option<String>,
    catalog: Box<serde_json::value::RawValue>,
}

fn stored_path(cache_dir: &Path, url: &Url) -> PathBuf {
    // The URL is nobody's business who reads the names, and may be no name at all.
    let hash = download::hex(&Sha256::digest(url.as_str().as_bytes()));
    cache_dir.join(format!("catalog-{}.json", &hash[..16]))
}

fn store(cache_dir: &Path, url: &Url, bytes: &[u8], known: &Known) -> std::io::Result<()> {
    let at = known.at.duration_since(SystemTime::UNIX_EPOCH);
    let text = std::str::from_utf8(bytes).map_err(std::io::Error::other)?;
    let stored = Stored {
        fetched_at: at.unwrap_or_default().as_secs(),
        etag: known.etag.clone(),
        catalog: serde_json::from_str(text)?,
    };
    fs::create_dir_all(cache_dir)?;
    let mut file = tempfile::NamedTempFile::new_in(cache_dir)?;
    file.write_all(&serde_json::to_vec(&stored)?)?;
    file.persist(stored_path(cache_dir, url))?;
    Ok(())
}
