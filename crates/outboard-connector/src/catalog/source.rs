//! One catalog: where it is, what was read of it last, and who is reading it now.

use std::{
    fs,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Component, Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use outboard_contracts::connector::catalog::{CatalogError, Entry, MAX_CATALOG_BYTES, parse};
use url::Url;

use super::{cache, reader::ReaderConfig};
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

    /// Where an asset is that the catalog names, perhaps relative to itself; and whether
    /// that is the catalog's own origin. Other machines' catalogs name no address of this
    /// one, and files name only what lies beside them.
    pub(super) fn asset(&self, text: &str, allow_http: bool) -> Result<(String, bool), String> {
        let told = |error: DownloadError| error.to_string();
        match self {
            Source::Url(url) => {
                let asset = download::led(url, text, allow_http).map_err(told)?;
                let own = asset.origin() == url.origin();
                Ok((asset.into(), own))
            }
            Source::File(_) if text.contains("://") => {
                let asset = download::parse_url(text, allow_http).map_err(told)?;
                Ok((asset.into(), false))
            }
            Source::File(path) => {
                let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
                if text.is_empty() || !Path::new(text).components().all(inside) {
                    return Err(format!("{text:?} is not beside the catalog"));
                }
                let beside = path.parent().unwrap_or(Path::new("")).join(text);
                match beside.to_str() {
                    Some(_) if beside.is_dir() => Err(format!("{text:?} is a directory")),
                    Some(beside) => Ok((beside.to_owned(), false)),
                    None => Err("the path of the catalog is not UTF-8".to_owned()),
                }
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
    pub(super) etag: Option<String>,
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

impl Known {
    /// A time that is yet to come tells nothing, so it counts as long ago.
    fn is_young(&self, config: &ReaderConfig) -> bool {
        let age = self.at.elapsed();
        age.is_ok_and(|age| age < config.time_to_live)
    }
}

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

    /// What is in the catalog. A file is read each time. Of one on the web: what is known
    /// if it is young enough, else what can be fetched, else what is known all the same;
    /// one fetch serves all who ask meanwhile.
    pub(super) fn look(&self, config: &ReaderConfig) -> Look {
        let catalog = self.source.shown();
        let url = match &self.source {
            Source::Url(url) => url,
            Source::File(path) => {
                return match read_file(path, &catalog) {
                    Ok(known) => Look {
                        known: Some(known),
                        error: None,
                    },
                    Err(error) => Look {
                        known: None,
                        error: Some(error),
                    },
                };
            }
        };
        let deadline = Instant::now() + config.timeout + Duration::from_secs(1);
        let mut shared = self.shared();
        loop {
            if let Some(look) = shared.answer(config) {
                return look;
            }
            if !shared.fetching {
                break;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Look {
                    known: shared.known.clone(),
                    error: Some(SourceError::Waiting {
                        catalog,
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
        let before = before.or_else(|| cache::read(&config.cache_dir, url));
        let fetched = match before.clone() {
            Some(known) if known.is_young(config) => Ok(known),
            before => fetch(url, config, before, &catalog),
        };
        let mut shared = self.shared();
        let error = match fetched {
            Ok(known) => {
                shared.known = Some(known);
                shared.failed = None;
                None
            }
            Err(error) => {
                shared.known = before;
                shared.failed = Some((Instant::now(), error.clone()));
                Some(error)
            }
        };
        let look = Look {
            known: shared.known.clone(),
            error,
        };
        // Those who wait see what was fetched before they see that nobody fetches.
        drop(shared);
        drop(turn);
        look
    }
}

impl Shared {
    /// What can be said without a fetch: a young copy, or that the last one failed just now.
    fn answer(&self, config: &ReaderConfig) -> Option<Look> {
        let known = self.known.clone();
        if known.as_ref().is_some_and(|known| known.is_young(config)) {
            return Some(Look { known, error: None });
        }
        let (at, error) = self.failed.as_ref()?;
        (at.elapsed() < RETRY).then(|| Look {
            known,
            error: Some(error.clone()),
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

/// Reads a catalog on this machine.
fn read_file(path: &Path, catalog: &str) -> Result<Known, SourceError> {
    let read = |error: io::Error| SourceError::Read {
        catalog: catalog.to_owned(),
        reason: error.to_string(),
    };
    // Opening a pipe would wait for somebody to write.
    if !fs::metadata(path).map_err(read)?.is_file() {
        return Err(read(io::Error::other("it is no file")));
    }
    let file = fs::File::open(path).map_err(read)?;
    let mut bytes = Vec::new();
    file.take(MAX_CATALOG_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(read)?;
    known(&bytes, None, catalog)
}

/// What a catalog says that was read just now.
fn known(bytes: &[u8], etag: Option<String>, catalog: &str) -> Result<Known, SourceError> {
    let entries = parse(bytes).map_err(|error| SourceError::Content {
        catalog: catalog.to_owned(),
        error,
    })?;
    Ok(Known {
        entries: Arc::new(entries),
        etag,
        at: SystemTime::now(),
    })
}

/// Fetches a catalog, unless the one `before` still is what there is.
fn fetch(
    url: &Url,
    config: &ReaderConfig,
    before: Option<Known>,
    catalog: &str,
) -> Result<Known, SourceError> {
    let failed = |error: DownloadError| SourceError::Fetch {
        catalog: catalog.to_owned(),
        error: Arc::new(error),
    };
    let mut wanted = Wanted::new(url.clone());
    wanted.bearer.clone_from(&config.token);
    wanted.etag = before.as_ref().and_then(|known| known.etag.clone());
    let limits = DownloadLimits {
        bytes: MAX_CATALOG_BYTES as u64,
        total: config.timeout,
        idle: config.timeout,
        allow_http: config.allow_http,
        ..DownloadLimits::default()
    };
    let mut file = tempfile::tempfile().map_err(|error| failed(DownloadError::Io(error)))?;
    let fetched = download::download(&wanted, &mut file, &limits, &|_| {}, &|| false);
    let (known, kept) = match (fetched.map_err(failed)?, before) {
        (Fetched::NotModified, Some(before)) => {
            // It is what it was, and as good as new.
            let known = Known {
                at: SystemTime::now(),
                ..before
            };
            let kept = cache::renew(&config.cache_dir, url, &known);
            (known, kept)
        }
        (Fetched::NotModified, None) => {
            return Err(SourceError::Read {
                catalog: catalog.to_owned(),
                reason: "it said that nothing changed, and nothing is known".to_owned(),
            });
        }
        (Fetched::File(downloaded), _) => {
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(0))
                .and_then(|_| file.read_to_end(&mut bytes))
                .map_err(|error| failed(DownloadError::Io(error)))?;
            let known = known(&bytes, downloaded.etag, catalog)?;
            let kept = cache::write(&config.cache_dir, url, &bytes, &known);
            (known, kept)
        }
    };
    if let Err(error) = kept {
        tracing::debug!(catalog, %error, "the catalog's copy could not be kept");
    }
    Ok(known)
}
