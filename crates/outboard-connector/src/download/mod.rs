//! Fetching files over HTTP, within limits.
//!
//! `https` is asked for, but from this machine itself. A redirect leads neither to a weaker
//! scheme nor from elsewhere to this machine, and what authorises at one origin is not sent
//! to another.
//!
//! Everything here blocks, for no longer than [`DownloadLimits`] says.
//!
//! ```no_run
//! use outboard_connector::download::{DownloadLimits, Fetched, Wanted, download, parse_url};
//!
//! let url = parse_url("https://example.org/weather-1.1.0-linux-amd64.zip", false)?;
//! let mut file = std::fs::File::create("weather.zip")?;
//! let tell = |progress| println!("{progress:?}");
//! let limits = DownloadLimits::default();
//! match download(&Wanted::new(url), &mut file, &limits, &tell, &|| false)? {
//!     Fetched::File(file) => println!("{} bytes, {}", file.bytes, file.sha256),
//!     other => println!("{other:?}"),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod error;
mod pull;
mod request;

use std::{
    fs::File,
    io::{self, Write},
    time::Duration,
};

use outboard_contracts::connector::catalog::Digest;
use sha2::{Digest as _, Sha256};
use url::Url;

pub(crate) use self::address::led;
use self::{
    address::check_scheme,
    pull::{Event, Pull},
};
pub use self::{
    address::{parse_url, shown},
    error::DownloadError,
};

const MIB: u64 = 1024 * 1024;

/// How far an installation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "InstallProgress")
)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// How much of it is done, in per cent, where that is known.
    pub percent: Option<u8>,
    /// How many bytes are there.
    pub bytes: u64,
    /// How many there will be, where that is known.
    pub total: Option<u64>,
}

impl Progress {
    /// A phase that has just begun.
    pub fn of(phase: Phase) -> Progress {
        Progress {
            phase,
            percent: None,
            bytes: 0,
            total: None,
        }
    }
}

/// The parts of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "InstallPhase")
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// The archive is fetched.
    Downloading,
    /// It is unpacked and checked.
    Verifying,
    /// It takes the place of what was there.
    Replacing,
    /// It is installed.
    Done,
}

/// How much a download may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadLimits {
    /// Bytes: 512 MiB.
    pub bytes: u64,
    /// How long it may take in all: 10 min.
    pub total: Duration,
    /// How long the address of a host, and then a connection to it, may take: 10 s.
    pub connect: Duration,
    /// How long nothing may come: 30 s.
    pub idle: Duration,
    /// How many redirects are followed: 5.
    pub redirects: usize,
    /// Whether `http` is taken from other machines too.
    pub allow_http: bool,
}

impl Default for DownloadLimits {
    fn default() -> DownloadLimits {
        DownloadLimits {
            bytes: 512 * MIB,
            total: Duration::from_secs(600),
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            redirects: 5,
            allow_http: false,
        }
    }
}

/// What to fetch. Its debug output shows no token.
#[derive(Clone, PartialEq)]
pub struct Wanted {
    /// Where from.
    pub url: Url,
    /// A bearer token for that origin. Without one, a user and a password in the URL
    /// authorise there.
    pub bearer: Option<String>,
    /// What was there before: the answer is [`Fetched::NotModified`] if it still is.
    pub etag: Option<String>,
    /// What the file must be. A server that declares another size is not read further.
    pub digest: Option<Digest>,
}

impl std::fmt::Debug for Wanted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Wanted")
            .field("url", &shown(&self.url))
            .field("etag", &self.etag)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

impl Wanted {
    /// That file, with no token and whatever was there before.
    pub fn new(url: Url) -> Wanted {
        Wanted {
            url,
            bearer: None,
            etag: None,
            digest: None,
        }
    }
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The file.
    File(Downloaded),
    /// Nothing: it is what it was.
    NotModified,
}

/// A file that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Downloaded {
    /// How many bytes it has.
    pub bytes: u64,
    /// Its SHA-256, in lower case hexadecimal digits.
    pub sha256: String,
    /// Its entity tag, if the server gave one.
    pub etag: Option<String>,
}

/// Fetches a file into `into`, and tells of every whole per cent, or of every mebibyte
/// where nobody says how large it is.
///
/// `cancelled` is asked several times in a second, from the first moment. What was written
/// until then stays in `into`, whose beginning and end are the caller's business.
///
/// # Errors
///
/// [`DownloadError`]. No text has a token, a password or a query.
pub fn download(
    wanted: &Wanted,
    into: &mut File,
    limits: &DownloadLimits,
    progress: &dyn Fn(Progress),
    cancelled: &dyn Fn() -> bool,
) -> Result<Fetched, DownloadError> {
    check_scheme(&wanted.url, limits.allow_http)?;
    let url = shown(&wanted.url);
    let mut pull = Pull::begin(wanted, limits).map_err(DownloadError::Io)?;
    let head = match pull.next(cancelled)? {
        Event::Head(head) => head,
        Event::NotModified => return Ok(Fetched::NotModified),
        _ => {
            return Err(DownloadError::Connection {
                url,
                reason: "it has no beginning".to_owned(),
            });
        }
    };
    let mut expected = Expected::new(wanted, limits, head.length, &url)?;
    if let Some(bytes) = head.length {
        check_room(into, bytes)?;
    }
    let mut hash = Sha256::new();
    let mut told = Progress::of(Phase::Downloading);
    told.total = expected.total();
    progress(told);
    while let Event::Piece(piece) = pull.next(cancelled)? {
        let before = told.bytes;
        told.bytes += piece.len() as u64;
        expected.came(told.bytes)?;
        hash.update(&piece);
        into.write_all(&piece)
            .map_err(|error| write_error(error, into, told))?;
        let percent = told.total.and_then(|total| percent(told.bytes, total));
        let worth = match told.total {
            Some(_) => percent != told.percent,
            None => before / MIB != told.bytes / MIB,
        };
        if worth {
            told.percent = percent;
            progress(told);
        }
    }
    into.flush().map_err(DownloadError::Io)?;
    let downloaded = Downloaded {
        bytes: told.bytes,
        sha256: crate::package::files::hex(&hash.finalize()),
        etag: head.etag,
    };
    expected.ended(&downloaded)?;
    Ok(Fetched::File(downloaded))
}

/// What a file must be to be taken.
struct Expected<'a> {
    url: &'a str,
    limit: u64,
    declared: Option<u64>,
    digest: Option<&'a Digest>,
}

impl<'a> Expected<'a> {
    fn new(
        wanted: &'a Wanted,
        limits: &DownloadLimits,
        declared: Option<u64>,
        url: &'a str,
    ) -> Result<Expected<'a>, DownloadError> {
        let expected = Expected {
            url,
            limit: limits.bytes,
            declared,
            digest: wanted.digest.as_ref(),
        };
        for bytes in [declared, expected.size()].into_iter().flatten() {
            expected.within_limit(bytes)?;
        }
        match (declared, expected.size()) {
            (Some(found), Some(size)) if found != size => Err(expected.wrong_size(size, found)),
            _ => Ok(expected),
        }
    }

    /// The size that the digest names; 0 is none, as in catalogs that leave it out.
    fn size(&self) -> Option<u64> {
        let size = self.digest.map(|digest| digest.size);
        size.filter(|size| *size > 0)
    }

    fn total(&self) -> Option<u64> {
        self.declared.or(self.size())
    }

    fn within_limit(&self, bytes: u64) -> Result<(), DownloadError> {
        if bytes > self.limit {
            return Err(DownloadError::TooLarge {
                url: self.url.to_owned(),
                limit: self.limit,
            });
        }
        Ok(())
    }

    fn wrong_size(&self, wanted: u64, found: u64) -> DownloadError {
        DownloadError::Size {
            url: self.url.to_owned(),
            wanted,
            found,
        }
    }

    fn came(&mut self, bytes: u64) -> Result<(), DownloadError> {
        self.within_limit(bytes)?;
        match self.size() {
            Some(size) if bytes > size => Err(self.wrong_size(size, bytes)),
            _ => Ok(()),
        }
    }

    fn ended(&self, downloaded: &Downloaded) -> Result<(), DownloadError> {
        let bytes = downloaded.bytes;
        if self.declared.is_some_and(|declared| declared != bytes) {
            return Err(DownloadError::CutOff {
                url: self.url.to_owned(),
                bytes,
            });
        }
        if let Some(size) = self.size()
            && size != bytes
        {
            return Err(self.wrong_size(size, bytes));
        }
        match self.digest {
            Some(digest) if !digest.sha256.eq_ignore_ascii_case(&downloaded.sha256) => {
                Err(DownloadError::Digest {
                    url: self.url.to_owned(),
                    wanted: digest.sha256.chars().take(64).collect(),
                    found: downloaded.sha256.clone(),
                })
            }
            _ => Ok(()),
        }
    }
}

fn percent(bytes: u64, total: u64) -> Option<u8> {
    let percent = u128::from(bytes) * 100 / u128::from(total.max(1));
    u8::try_from(percent).ok().map(|percent| percent.min(100))
}

/// Better to say so now than when the disk is full.
fn check_room(into: &File, bytes: u64) -> Result<(), DownloadError> {
    match free(into) {
        Some(free) if free < bytes => Err(DownloadError::NoRoom { bytes, free }),
        _ => Ok(()),
    }
}

/// How many bytes are free where the file is; some file systems do not say.
fn free(into: &File) -> Option<u64> {
    let system = rustix::fs::fstatvfs(into).ok()?;
    Some(system.f_bavail.saturating_mul(system.f_frsize))
}

fn write_error(error: io::Error, into: &File, told: Progress) -> DownloadError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DownloadError::NoRoom {
            bytes: told.total.unwrap_or(told.bytes),
            free: free(into).unwrap_or_default(),
        },
        _ => DownloadError::Io(error),
    }
}
