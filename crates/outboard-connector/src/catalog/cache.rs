//! The last copies of catalogs on disk, which outlive the process.
//!
//! ```json
//! {"fetched_at": 1764000000, "etag": "\"1\"", "catalog": [{"key": "weather"}]}
//! ```

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use outboard_contracts::connector::catalog::{MAX_CATALOG_BYTES, parse};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::source::Known;
use crate::package::files::hex;

#[derive(Serialize, Deserialize)]
struct Stored {
    fetched_at: u64,
    etag: Option<String>,
    catalog: Box<RawValue>,
}

/// The last copy of a catalog, if there is one that can be read.
pub(super) fn read(cache_dir: &Path, url: &Url) -> Option<Known> {
    let stored = stored(&path_of(cache_dir, url))?;
    let entries = parse(stored.catalog.get().as_bytes()).ok()?;
    let at = Duration::from_secs(stored.fetched_at);
    Some(Known {
        entries: Arc::new(entries),
        // What is no header now would be none at each later time too.
        etag: stored
            .etag
            .filter(|etag| http::HeaderValue::from_str(etag).is_ok()),
        at: SystemTime::UNIX_EPOCH.checked_add(at)?,
    })
}

fn stored(path: &Path) -> Option<Stored> {
    let file = fs::File::open(path).ok()?;
    let mut text = Vec::new();
    // The catalog, and what is around it.
    let limit = MAX_CATALOG_BYTES as u64 + 128 * 1024;
    file.take(limit).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Keeps a copy.
pub(super) fn write(cache_dir: &Path, url: &Url, bytes: &[u8], known: &Known) -> io::Result<()> {
    let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
    put(cache_dir, url, known, serde_json::from_str(text)?)
}

/// Keeps the copy that is there for longer.
pub(super) fn renew(cache_dir: &Path, url: &Url, known: &Known) -> io::Result<()> {
    match stored(&path_of(cache_dir, url)) {
        Some(stored) => put(cache_dir, url, known, stored.catalog),
        None => Ok(()),
    }
}

fn put(cache_dir: &Path, url: &Url, known: &Known, catalog: Box<RawValue>) -> io::Result<()> {
    let at = known.at.duration_since(SystemTime::UNIX_EPOCH);
    let stored = Stored {
        fetched_at: at.unwrap_or_default().as_secs(),
        etag: known.etag.clone(),
        catalog,
    };
    fs::create_dir_all(cache_dir)?;
    // Readable for its owner alone, as a private catalog must be.
    let mut file = tempfile::NamedTempFile::new_in(cache_dir)?;
    file.write_all(&serde_json::to_vec(&stored)?)?;
    file.persist(path_of(cache_dir, url))?;
    Ok(())
}

fn path_of(cache_dir: &Path, url: &Url) -> PathBuf {
    // The URL is nobody's business who reads the names, and may be no name at all.
    let hash = hex(&Sha256::digest(url.as_str().as_bytes()));
    cache_dir.join(format!("catalog-{}.json", &hash[..32]))
}
