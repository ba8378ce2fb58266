//! A request on its way: deadline, retries, redirects, and what comes back.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER},
};
use outboard_sdk::{
    Value,
    connector::{Context, OperationError},
};
use url::Url;

use crate::{
    Pairs, Settings,
    failure::{self, Limits, bad_request},
    settings::Auth,
    target,
};

const MAX_REDIRECTS: usize = 5;
/// The first pause before a retry; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// How much of an answer an error shows.
const SHOWN_BYTES: usize = 500;

/// What the connection itself is about, which nobody may set.
const RESERVED: [&str; 6] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "te",
    "transfer-encoding",
];

/// A request that was checked.
#[derive(Clone)]
pub(crate) struct Request {
    base: Url,
    url: Url,
    method: Method,
    headers: HeaderMap,
    /// What signs in. It stays on the host of the base URL.
    credentials: Option<(HeaderName, HeaderValue)>,
    body: Option<String>,
}

impl Request {
    pub(crate) fn new(
        settings: &Settings,
        method: &str,
        path: &str,
        query: &Pairs,
        headers: &Pairs,
    ) -> Result<Request, OperationError> {
        let method = Method::from_bytes(method.trim().to_uppercase().as_bytes())
            .map_err(|_| bad_request("the method is no word"))?;
        if method == Method::CONNECT || method == Method::TRACE {
            return Err(bad_request(format!("{method} is not for APIs")));
        }
        let base = target::base(&settings.base_url)?;
        let mut url = target::join(&base, path, settings.allow_other_hosts)?;
        if !query.0.is_empty() {
            url.query_pairs_mut().extend_pairs(&query.0);
        }
        let credentials = credentials(settings)?;
        let mut all = HeaderMap::new();
        for (of, pairs) in [("the settings", &settings.headers), ("the input", headers)] {
            let mut own = HeaderMap::new();
            for (name, value) in &pairs.0 {
                let (name, value) = header(name, value)?;
                let taken = credentials
                    .as_ref()
                    .is_some_and(|(taken, _)| *taken == name);
                if taken || RESERVED.contains(&name.as_str()) {
                    return Err(bad_request(format!("{of} may not set the header {name}")));
                }
                own.append(name, value);
            }
            // Those of the input take the place of those of the settings.
            all.extend(own);
        }
        Ok(Request {
            base,
            url,
            method,
            headers: all,
            credentials,
            body: None,
        })
    }

    pub(crate) fn body(
        mut self,
        body: String,
        content_type: &str,
    ) -> Result<Request, OperationError> {
        if body.is_empty() {
            return Ok(self);
        }
        if !self.headers.contains_key(CONTENT_TYPE) && !content_type.is_empty() {
            let (name, value) = header(CONTENT_TYPE.as_str(), content_type)?;
            self.headers.insert(name, value);
        }
        self.body = Some(body);
        Ok(self)
    }

    /// Whether doing it twice is the same as doing it once.
    fn may_be_repeated(&self) -> bool {
        self.method.is_idempotent()
    }

    /// The request that a redirect asks for.
    fn redirected(&self, status: StatusCode, url: Url) -> Request {
        let mut next = self.clone();
        next.url = url;
        let becomes_get = match status {
            StatusCode::SEE_OTHER => self.method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            _ => false,
        };
        if becomes_get {
            next.method = Method::GET;
            next.body = None;
            next.headers.remove(CONTENT_TYPE);
        }
        next
    }

    fn to_http(&self) -> Result<http::Request<Vec<u8>>, OperationError> {
        let mut request = http::Request::builder()
            .method(self.method.clone())
            .uri(self.url.as_str())
            .body(self.body.clone().unwrap_or_default().into_bytes())
            .map_err(|error| bad_request(format!("the request: {error}")))?;
        *request.headers_mut() = self.headers.clone();
        if let Some((name, value)) = &self.credentials
            && self.url.origin() == self.base.origin()
        {
            request.headers_mut().insert(name, value.clone());
        }
        Ok(request)
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), OperationError> {
    let name = HeaderName::from_bytes(name.trim().as_bytes())
        .map_err(|_| bad_request(format!("{name:?} is no name of a header")))?;
    // The value may be a secret.
    let value = HeaderValue::from_str(value)
        .map_err(|_| bad_request(format!("the value of the header {name} cannot be sent")))?;
    Ok((name, value))
}

fn credentials(settings: &Settings) -> Result<Option<(HeaderName, HeaderValue)>, OperationError> {
    let (name, value) = match settings.auth {
        Auth::None => return Ok(None),
        Auth::Bearer => (
            AUTHORIZATION.as_str(),
            format!("Bearer {}", settings.token.reveal()),
        ),
        Auth::Basic => {
            if settings.username.contains(':') {
                return Err(bad_request("a user name has no colon"));
            }
            let pair = format!("{}:{}", settings.username, settings.password.reveal());
            (
                AUTHORIZATION.as_str(),
                format!("Basic {}", STANDARD.encode(pair)),
            )
        }
        Auth::Header => (
            &*settings.header_name,
            settings.header_value.reveal().to_owned(),
        ),
    };
    let (name, mut value) = header(name, &value)?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

/// What sends requests. Clones share their connections.
#[derive(Clone)]
pub(crate) struct Client(ureq::Agent);

impl Client {
    pub(crate) fn new() -> Client {
        let config = ureq::Agent::config_builder()
            // All three are decided here, where the base URL is known.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .user_agent(concat!(
                "outboard-rest-connector/",
                env!("CARGO_PKG_VERSION")
            ))
            .build();
        Client(config.new_agent())
    }

    /// Sends it, again where that may help, and follows redirects.
    pub(crate) async fn send(
        &self,
        context: &Context<Settings>,
        mut request: Request,
    ) -> Result<Answer, OperationError> {
        let settings = context.settings();
        let seconds = u64::from(settings.timeout_seconds.clamp(1, 600));
        let limits = Limits {
            seconds,
            kib: u64::from(settings.max_response_kib.clamp(1, 65_536)),
        };
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let (mut retries, mut redirects) = (0, 0);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(failure::timeout(seconds));
            }
            let agent = self.0.clone();
            let sent = request.to_http()?;
            let attempt = tokio::task::spawn_blocking(move || attempt(&agent, sent, left, limits));
            let outcome = attempt.await.map_err(OperationError::from)?;
            let may_retry = request.may_be_repeated() && retries < settings.retries.min(10);
            let asked = match &outcome {
                Ok(answer) if may_retry && matches!(answer.status, 429 | 503) => {
                    answer.retry_after()
                }
                Err(error) if may_retry && failure::is_connection(error) => None,
                _ => {
                    let answer = outcome.map_err(|error| failure::transport(&error, limits))?;
                    let Some((status, location)) = answer.redirect() else {
                        return Ok(answer);
                    };
                    redirects += 1;
                    if redirects > MAX_REDIRECTS {
                        return Err(failure::bad_url(format!(
                            "more than {MAX_REDIRECTS} redirects"
                        )));
                    }
                    let others = settings.allow_other_hosts;
                    let url = target::redirect(&request.base, &request.url, location, others)?;
                    request = request.redirected(status, url);
                    continue;
                }
            };
            let pause = asked.unwrap_or(FIRST_PAUSE * 2u32.pow(u32::from(retries)));
            if Instant::now() + pause >= deadline {
                // There is no time for it, so this is the answer.
                return outcome.map_err(|error| failure::transport(&error, limits));
            }
            retries += 1;
            context.progress(
                retries.into(),
                0,
                format!("trying again in {} ms", pause.as_millis()),
            );
            tokio::time::sleep(pause).await;
        }
    }
}

/// One request and its answer, on a thread that may block.
fn attempt(
    agent: &ureq::Agent,
    request: http::Request<Vec<u8>>,
    time: Duration,
    limits: Limits,
) -> Result<Answer, ureq::Error> {
    let has_body = !request.body().is_empty();
    let response = if has_body {
        let request = agent
            .configure_request(request)
            .timeout_global(Some(time))
            .build();
        agent.run(request)?
    } else {
        let request = request.map(|_| ());
        let request = agent
            .configure_request(request)
            .timeout_global(Some(time))
            .build();
        agent.run(request)?
    };
    let (parts, mut body) = response.into_parts();
    let bytes = body.with_config().limit(limits.kib * 1024).read_to_vec()?;
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|before| *before = format!("{before}, {value}"))
            .or_insert_with(|| value.into_owned());
    }
    Ok(Answer {
        status: parts.status.as_u16(),
        headers,
        bytes,
    })
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    bytes: Vec<u8>,
}

impl Answer {
    /// What kind of body it is, and the body.
    pub(crate) fn body(self) -> (&'static str, Value) {
        let kind = self.headers.get(CONTENT_TYPE.as_str());
        let kind = kind
            .and_then(|kind| kind.split(';').next())
            .unwrap_or_default()
            .trim();
        let is_json = kind.ends_with("/json") || kind.ends_with("+json");
        if is_json && let Ok(json) = serde_json::from_slice(&self.bytes) {
            return ("json", json);
        }
        match String::from_utf8(self.bytes) {
            Ok(text) => ("text", text.into()),
            Err(error) => ("base64", STANDARD.encode(error.as_bytes()).into()),
        }
    }

    /// The beginning of the body, for an error.
    pub(crate) fn text_for_people(&self) -> String {
        let start = &self.bytes[..self.bytes.len().min(SHOWN_BYTES)];
        let text = String::from_utf8_lossy(start);
        let text: Vec<_> = text.split_whitespace().collect();
        text.join(" ")
    }

    /// How long the API asks to wait. A date is as good as nothing said.
    fn retry_after(&self) -> Option<Duration> {
        let seconds = self
            .headers
            .get(RETRY_AFTER.as_str())?
            .trim()
            .parse()
            .ok()?;
        Some(Duration::from_secs(seconds))
    }

    fn redirect(&self) -> Option<(StatusCode, &str)> {
        let status = StatusCode::from_u16(self.status).ok()?;
        let redirects = matches!(self.status, 301 | 302 | 303 | 307 | 308);
        let location = self.headers.get(LOCATION.as_str()).filter(|_| redirects)?;
        Some((status, location))
    }
}
