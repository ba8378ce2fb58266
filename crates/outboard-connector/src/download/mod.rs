//! Fetching files over HTTP, within limits.
//!
//! `https` is asked for, but from this machine itself. A redirect never leads to a weaker
//! scheme, and what authorises at one host is not sent to another.
//!
//! Everything here blocks.

mod error;
mod pull;

use std::{
    fs::File,
    io::{Read, Write},
    net::IpAddr,
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};
use url::{Host, Url};

pub use self::error::DownloadError;
use self::pull::Pull;

/// How far an installation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
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
    /// How long a connection may take: 10 s.
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
            bytes: 512 * 1024 * 1024,
            total: Duration::from_secs(600),
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            redirects: 5,
            allow_http: false,
        }
    }
}

/// What to fetch. Its debug output shows no token.
#[derive(Clone)]
pub struct Wanted {
    /// Where from.
    pub url: Url,
    /// A bearer token for that origin.
    pub bearer: Option<String>,
    /// What was there before: the answer is [`Fetched::NotModified`] if it still is.
    pub etag: Option<String>,
}

impl std::fmt::Debug for Wanted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Wanted")
            .field("url", &shown(&self.url))
            .field("etag", &self.etag)
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

/// A URL as it may be shown: without user, password, query and fragment.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // They fail for URLs that cannot have any.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// Reads a URL that something is to be fetched from.
///
/// # Errors
///
/// [`DownloadError::Url`], [`DownloadError::Scheme`].
pub fn parse_url(text: &str, allow_http: bool) -> Result<Url, DownloadError> {
    let url = Url::parse(text).map_err(|error| DownloadError::Url {
        reason: error.to_string(),
    })?;
    check_scheme(&url, allow_http)?;
    Ok(url)
}

fn check_scheme(url: &Url, allow_http: bool) -> Result<(), DownloadError> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if allow_http || is_loopback(url) => Ok(()),
        scheme => Err(DownloadError::Scheme {
            url: shown(url),
            scheme: scheme.to_owned(),
        }),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// Fetches a file into `into`, and tells of every whole per cent.
///
/// `cancelled` is asked several times in a second. What was written until then stays in
/// `into`, whose beginning and end are the caller's business.
///
/// # Errors
///
/// [`DownloadError`]. No text has a token or a query.
pub fn download(
    wanted: &Wanted,
    into: &mut File,
    limits: &DownloadLimits,
    progress: &dyn Fn(Progress),
    cancelled: &dyn Fn() -> bool,
) -> Result<Fetched, DownloadError> {
    let until = Instant::now() + limits.total;
    let Some(answer) = ask(wanted, limits, until)? else {
        return Ok(Fetched::NotModified);
    };
    let url = shown(&wanted.url);
    let total = answer.content_length;
    if let Some(bytes) = total {
        if bytes > limits.bytes {
            return Err(DownloadError::TooLarge {
                url,
                limit: limits.bytes,
            });
        }
        check_room(into, bytes)?;
    }
    let mut hash = Sha256::new();
    let mut told = Progress::of(Phase::Downloading);
    told.total = total;
    progress(told);
    let mut body = Pull::begin(answer.body, limits.idle, until).map_err(DownloadError::Io)?;
    while let Some(piece) = body.next(&url, cancelled)? {
        told.bytes += piece.len() as u64;
        if told.bytes > limits.bytes {
            return Err(DownloadError::TooLarge {
                url,
                limit: limits.bytes,
            });
        }
        hash.update(&piece);
        into.write_all(&piece).map_err(DownloadError::Io)?;
        let percent = total.and_then(|total| percent(told.bytes, total));
        if percent != told.percent {
            told.percent = percent;
            progress(told);
        }
    }
    if total.is_some_and(|total| total != told.bytes) {
        return Err(DownloadError::CutOff {
            url,
            bytes: told.bytes,
        });
    }
    into.flush().map_err(DownloadError::Io)?;
    Ok(Fetched::File(Downloaded {
        bytes: told.bytes,
        sha256: hex(&hash.finalize()),
        etag: answer.etag,
    }))
}

fn percent(bytes: u64, total: u64) -> Option<u8> {
    let percent = u128::from(bytes) * 100 / u128::from(total.max(1));
    u8::try_from(percent).ok().map(|percent| percent.min(100))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Better to say so now than when the disk is full.
fn check_room(into: &File, bytes: u64) -> Result<(), DownloadError> {
    let Ok(system) = rustix::fs::fstatvfs(into) else {
        // Some file systems do not say.
        return Ok(());
    };
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    if free < bytes {
        return Err(DownloadError::NoRoom { bytes, free });
    }
    Ok(())
}

struct Answer {
    body: Box<dyn Read + Send>,
    content_length: Option<u64>,
    etag: Option<String>,
}

/// Asks, and follows redirects as far as they are allowed. `None`: it is what it was.
fn ask(
    wanted: &Wanted,
    limits: &DownloadLimits,
    until: Instant,
) -> Result<Option<Answer>, DownloadError> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(limits.connect))
        .timeout_recv_response(Some(limits.idle))
        .timeout_global(Some(until.saturating_duration_since(Instant::now())))
        .user_agent(concat!("outboard/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut url = wanted.url.clone();
    check_scheme(&url, limits.allow_http)?;
    for _ in 0..=limits.redirects {
        let mut request = agent.get(url.as_str());
        if url.origin() == wanted.url.origin() {
            if let Some(bearer) = &wanted.bearer {
                request = request.header("authorization", format!("Bearer {bearer}"));
            }
            if let Some(etag) = &wanted.etag {
                request = request.header("if-none-match", etag);
            }
        }
        let answer = request
            .call()
            .map_err(|error| DownloadError::of(&shown(&url), &error))?;
        let header = |name: &str| {
            let value = answer.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let status = answer.status().as_u16();
        match status {
            200 => {
                let content_length = header("content-length").and_then(|text| text.parse().ok());
                // Without its declared length a packed body is not what is counted.
                let packed = answer.headers().contains_key("content-encoding");
                let etag = header("etag");
                return Ok(Some(Answer {
                    body: Box::new(answer.into_body().into_reader()),
                    content_length: content_length.filter(|_| !packed),
                    etag,
                }));
            }
            304 if wanted.etag.is_some() => return Ok(None),
            301 | 302 | 303 | 307 | 308 => {
                let next = header("location").and_then(|location| url.join(&location).ok());
                let Some(next) = next else {
                    return Err(DownloadError::Redirect {
                        url: shown(&url),
                        reason: "it leads nowhere".to_owned(),
                    });
                };
                if url.scheme() == "https" && next.scheme() != "https" {
                    return Err(DownloadError::Redirect {
                        url: shown(&url),
                        reason: format!("it leads from https to {}", next.scheme()),
                    });
                }
                check_scheme(&next, limits.allow_http)?;
                url = next;
            }
            status => {
                return Err(DownloadError::Status {
                    url: shown(&url),
                    status,
                });
            }
        }
    }
    Err(DownloadError::Redirect {
        url: shown(&wanted.url),
        reason: format!("there are more than {}", limits.redirects),
    })
}
