//! Asking a server for a file, through redirects as far as they are allowed.

use std::{
    io::Read,
    time::{Duration, Instant},
};

use base64::Engine as _;
use http::HeaderValue;
use url::Url;

use super::{
    DownloadError, DownloadLimits, Wanted,
    address::{check_scheme, is_loopback, led, without_user},
    shown,
};

/// What a server answers with.
pub(super) struct Answer {
    pub(super) head: Head,
    pub(super) body: Box<dyn Read + Send>,
}

/// What an answer says of itself.
pub(super) struct Head {
    pub(super) length: Option<u64>,
    pub(super) etag: Option<String>,
}

/// Asks until somebody has it. `None`: it is what it was. Everything, and the body that
/// is returned, ends at `until`.
pub(super) fn ask(
    wanted: &Wanted,
    limits: &DownloadLimits,
    until: Instant,
) -> Result<Option<Answer>, DownloadError> {
    check_scheme(&wanted.url, limits.allow_http)?;
    let authorization = authorization(wanted)?;
    let mut url = without_user(wanted.url.clone());
    let own = url.origin();
    for _ in 0..=limits.redirects {
        let left = until.saturating_duration_since(Instant::now());
        let agent = agent(limits, left, is_loopback(&url));
        let mut request = agent
            .get(url.as_str())
            // What is hashed and counted is the file, not a packed form of it.
            .header("accept-encoding", "identity");
        if url.origin() == own {
            if let Some(authorization) = &authorization {
                request = request.header("authorization", authorization);
            }
            if let Some(etag) = &wanted.etag {
                request = request.header("if-none-match", etag);
            }
        }
        let answer = request
            .call()
            .map_err(|error| error_of(&url, error, limits))?;
        let header = |name: &str| {
            let value = answer.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        match answer.status().as_u16() {
            200 => {
                if let Some(encoding) = header("content-encoding")
                    && !encoding.eq_ignore_ascii_case("identity")
                {
                    return Err(DownloadError::Connection {
                        url: shown(&url),
                        reason: "it answers in an encoding that was not asked for".to_owned(),
                    });
                }
                return Ok(Some(Answer {
                    head: Head {
                        length: header("content-length").and_then(|text| text.parse().ok()),
                        etag: header("etag"),
                    },
                    body: Box::new(answer.into_body().into_reader()),
                }));
            }
            304 if wanted.etag.is_some() => return Ok(None),
            301 | 302 | 303 | 307 | 308 => {
                let Some(location) = header("location") else {
                    return Err(DownloadError::Redirect {
                        url: shown(&url),
                        reason: "it leads nowhere".to_owned(),
                    });
                };
                url = led(&url, &location, limits.allow_http)?;
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

fn agent(limits: &DownloadLimits, left: Duration, loopback: bool) -> ureq::Agent {
    let mut config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_resolve(Some(limits.connect))
        .timeout_connect(Some(limits.connect))
        .timeout_recv_response(Some(limits.idle))
        .timeout_per_read(Some(limits.idle))
        .timeout_global(Some(left))
        .user_agent(concat!("outboard/", env!("CARGO_PKG_VERSION")));
    if loopback {
        // What is on this machine is no proxy's business.
        config = config.proxy(None);
    }
    config.build().into()
}

/// The header that says who asks: the token, else the user of the URL.
fn authorization(wanted: &Wanted) -> Result<Option<HeaderValue>, DownloadError> {
    let url = &wanted.url;
    let text = match &wanted.bearer {
        Some(bearer) => format!("Bearer {bearer}"),
        None if url.username().is_empty() && url.password().is_none() => return Ok(None),
        None => {
            let decoded = |text: &str| {
                let bytes = percent_encoding::percent_decode_str(text);
                bytes.decode_utf8_lossy().into_owned()
            };
            let user = decoded(url.username());
            let password = decoded(url.password().unwrap_or_default());
            let pair = base64::prelude::BASE64_STANDARD.encode(format!("{user}:{password}"));
            format!("Basic {pair}")
        }
    };
    let mut value =
        HeaderValue::from_str(&text).map_err(|_| DownloadError::Token { url: shown(url) })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn error_of(url: &Url, error: ureq::Error, limits: &DownloadLimits) -> DownloadError {
    use ureq::Timeout;
    let url = shown(url);
    let slow = |waited, what| DownloadError::TooSlow {
        url: url.clone(),
        waited,
        what,
    };
    match error {
        ureq::Error::Timeout(Timeout::Resolve) => slow(limits.connect, "without an address"),
        ureq::Error::Timeout(Timeout::Connect) => slow(limits.connect, "without a connection"),
        ureq::Error::Timeout(Timeout::Global) => slow(limits.total, "without an end"),
        ureq::Error::Timeout(_) => slow(limits.idle, "without an answer"),
        ureq::Error::HostNotFound => DownloadError::Connection {
            url,
            reason: "there is no such host".to_owned(),
        },
        // Their texts may have the whole URL.
        ureq::Error::Http(_) | ureq::Error::BadUri(_) => DownloadError::Connection {
            url,
            reason: "there is no way to ask for it".to_owned(),
        },
        error => DownloadError::Connection {
            url,
            reason: error.to_string(),
        },
    }
}

/// What ended a body.
pub(super) fn body_error(
    url: &str,
    error: std::io::Error,
    bytes: u64,
    limits: &DownloadLimits,
) -> DownloadError {
    use std::io::ErrorKind;
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<ureq::Error>());
    if let Some(ureq::Error::Timeout(timeout)) = inner {
        let (waited, what) = match timeout {
            ureq::Timeout::Global => (limits.total, "without an end"),
            _ => (limits.idle, "without a byte"),
        };
        return DownloadError::TooSlow {
            url: url.to_owned(),
            waited,
            what,
        };
    }
    match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
            DownloadError::CutOff {
                url: url.to_owned(),
                bytes,
            }
        }
        _ => DownloadError::Connection {
            url: url.to_owned(),
            reason: format!("after {bytes} bytes: {error}"),
        },
    }
}
