//! Requests for tokens.

use std::{
    fmt,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::{Client, Limits, OAuthError, Provider, error::presentable, provider::is_loopback};
use crate::{
    secrets::{Masker, SecretText},
    state::tokens::Tokens,
};

/// The longest token, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Longer lifetimes are taken for this one: ten years.
const LONGEST_LIFE: i64 = 10 * 365 * 24 * 60 * 60;

/// Services say in these words that a refresh token is good no more. The first is RFC
/// 6749's.
const ENDED: [&str; 5] = [
    "invalid_grant",
    "bad_refresh_token",
    "invalid_refresh_token",
    "token_revoked",
    "token_expired",
];

/// Asks services for tokens. Cloning it shares its connections.
#[derive(Clone)]
pub struct Endpoint {
    limits: Limits,
    direct: ureq::Agent,
    agent: ureq::Agent,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Endpoint")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// With these limits.
    pub fn new(limits: Limits) -> Endpoint {
        let builder = || {
            ureq::Agent::config_builder()
                .http_status_as_error(false)
                // A redirect would take the secrets of the request elsewhere.
                .max_redirects(0)
                .user_agent("outboard")
        };
        Endpoint {
            limits,
            // What is on this machine is not asked through a proxy.
            direct: builder().proxy(None).build().into(),
            agent: builder().build().into(),
        }
    }

    /// Its limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn exchange(
        &self,
        provider: &Provider,
        client: &Client,
        code: &SecretText,
        verifier: &SecretText,
        redirect_uri: &str,
    ) -> Result<Tokens, OAuthError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier.expose()),
        ];
        let masker = Masker::new([code.expose(), verifier.expose()]);
        self.request(provider, client, &form, masker, false)
    }

    /// Renews tokens. What the service does not send again stays as it was.
    ///
    /// # Errors
    ///
    /// [`OAuthError::SignInAgain`] when the refresh token is good no more, and those of any
    /// request.
    pub(super) fn renew(
        &self,
        provider: &Provider,
        client: &Client,
        tokens: &Tokens,
    ) -> Result<Tokens, OAuthError> {
        let Some(refresh) = &tokens.refresh else {
            return Err(OAuthError::SignInAgain {
                reason: "the token has ended, and the service gave none to renew it with"
                    .to_owned(),
            });
        };
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
        ];
        let masker = Masker::new([refresh.expose(), tokens.access.expose()]);
        let answer = self.request(provider, client, &form, masker, tokens.client_in_body);
        match answer {
            Ok(mut renewed) => {
                if renewed.refresh.is_none() {
                    renewed.refresh = Some(refresh.clone());
                }
                if renewed.scopes.is_empty() || renewed.scopes == provider.scopes {
                    renewed.scopes.clone_from(&tokens.scopes);
                }
                Ok(renewed)
            }
            Err(OAuthError::Refused {
                code, description, ..
            }) if ENDED.contains(&code.as_str()) => Err(OAuthError::SignInAgain {
                reason: if description.is_empty() {
                    code
                } else {
                    format!("{code}, {description}")
                },
            }),
            Err(error) => Err(error),
        }
    }

    /// Tries the way to authenticate that is asked for, and if the service takes offence at
    /// that, the other one: RFC 6749 has every service take the header, and not all do.
    fn request(
        &self,
        provider: &Provider,
        client: &Client,
        form: &[(&str, &str)],
        mut masker: Masker,
        in_body: bool,
    ) -> Result<Tokens, OAuthError> {
        if let Some(secret) = &client.secret {
            masker.add_secret(secret);
            // As it is in the header, before base64.
            masker.add(&encoded(secret.expose()));
        }
        let deadline = Instant::now() + self.limits.request;
        let once = |in_body| {
            let answer = self.once(provider, client, form, in_body, deadline);
            answer.map_err(|error| masked(error, &masker))
        };
        let first = in_body || client.secret.is_none();
        match once(first) {
            Err(OAuthError::Refused { status: 401, .. } | OAuthError::Status { status: 401 })
                if client.secret.is_some() =>
            {
                once(!first)
            }
            Err(OAuthError::Refused { code, .. })
                if client.secret.is_some()
                    && matches!(code.as_str(), "invalid_client" | "invalid_request") =>
            {
                once(!first)
            }
            answer => answer,
        }
    }

    fn once(
        &self,
        provider: &Provider,
        client: &Client,
        form: &[(&str, &str)],
        in_body: bool,
        deadline: Instant,
    ) -> Result<Tokens, OAuthError> {
        let url = &provider.token_url;
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form);
        let mut request = self
            .agent_for(url)
            .post(url.as_str())
            .header("accept", "application/json")
            .header("cache-control", "no-store")
            .content_type("application/x-www-form-urlencoded");
        match &client.secret {
            Some(secret) if !in_body => {
                let basic = format!("{}:{}", encoded(&client.id), encoded(secret.expose()));
                request =
                    request.header("authorization", format!("Basic {}", STANDARD.encode(basic)));
            }
            secret => {
                body.append_pair("client_id", &client.id);
                if let Some(secret) = secret {
                    body.append_pair("client_secret", secret.expose());
                }
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let asked = Timestamp::now();
        let mut answer = request
            .config()
            .timeout_global(Some(left.max(Duration::from_millis(1))))
            .build()
            .send(body.finish())
            .map_err(|error| self.failure(&error))?;
        let status = answer.status().as_u16();
        if answer.status().is_redirection() {
            return Err(OAuthError::Status { status });
        }
        let text = answer
            .body_mut()
            .with_config()
            .limit(self.limits.answer_bytes)
            .read_to_vec()
            .map_err(|error| self.failure(&error))?;
        let answer = match serde_json::from_slice(&text) {
            Ok(Value::Object(answer)) => answer,
            _ if status >= 400 => return Err(OAuthError::Status { status }),
            Ok(_) => {
                return Err(OAuthError::Malformed {
                    reason: "it is no JSON object",
                });
            }
            Err(_) => {
                return Err(OAuthError::Malformed {
                    reason: "it is not JSON",
                });
            }
        };
        read_answer(status, &answer, provider, in_body, asked)
    }

    fn agent_for(&self, url: &Url) -> &ureq::Agent {
        if is_loopback(url) {
            &self.direct
        } else {
            &self.agent
        }
    }

    fn failure(&self, error: &ureq::Error) -> OAuthError {
        let timeout = OAuthError::Timeout {
            seconds: self.limits.request.as_secs(),
        };
        match error {
            ureq::Error::Timeout(_) => timeout,
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => timeout,
            ureq::Error::BodyExceedsLimit(_) => OAuthError::TooLarge {
                limit: self.limits.answer_bytes,
            },
            error => OAuthError::Network {
                reason: presentable(&error.to_string(), 300),
            },
        }
    }
}

/// As it stands in a basic authorisation, RFC 6749 section 2.3.1.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn read_answer(
    status: u16,
    answer: &Map<String, Value>,
    provider: &Provider,
    in_body: bool,
    asked: Timestamp,
) -> Result<Tokens, OAuthError> {
    let text = |key: &str| answer.get(key).and_then(Value::as_str);
    // Some services answer 200 to what they refuse.
    if let Some(code) = text("error") {
        return Err(OAuthError::Refused {
            status,
            code: presentable(code, 64),
            description: text("error_description").unwrap_or_default().to_owned(),
        });
    }
    if !(200..300).contains(&status) {
        return Err(OAuthError::Status { status });
    }
    let token = |key: &str| -> Result<Option<SecretText>, OAuthError> {
        let Some(token) = text(key).filter(|token| !token.is_empty()) else {
            return Ok(None);
        };
        if token.len() > MAX_TOKEN_BYTES {
            return Err(OAuthError::Malformed {
                reason: "a token in it is too long",
            });
        }
        // It goes into headers.
        if !token.bytes().all(|byte| (0x20..0x7F).contains(&byte)) {
            return Err(OAuthError::Malformed {
                reason: "a token in it has characters that no token has",
            });
        }
        Ok(Some(token.into()))
    };
    let seconds = match answer.get("expires_in") {
        None | Some(Value::Null) => None,
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    #[allow(clippy::cast_possible_truncation)] // It is between 0 and ten years.
    let seconds = seconds
        .filter(|seconds: &f64| seconds.is_finite())
        .map(|seconds| seconds.clamp(0.0, LONGEST_LIFE as f64) as i64);
    Ok(Tokens {
        access: token("access_token")?.ok_or(OAuthError::Malformed {
            reason: "there is no access token in it",
        })?,
        refresh: token("refresh_token")?,
        expires_at: seconds
            .and_then(|seconds| asked.checked_add(SignedDuration::from_secs(seconds)).ok()),
        // Absent means as asked for.
        scopes: text("scope").map_or_else(
            || provider.scopes.clone(),
            |scopes| presentable(scopes, 4_000),
        ),
        client_in_body: in_body,
    })
}

/// A service may repeat what it was sent.
fn masked(error: OAuthError, masker: &Masker) -> OAuthError {
    let tidy = |text: String, limit| presentable(&masker.mask(&text), limit);
    match error {
        OAuthError::Refused {
            status,
            code,
            description,
        } => OAuthError::Refused {
            status,
            code: tidy(code, 64),
            description: tidy(description, 300),
        },
        OAuthError::Network { reason } => OAuthError::Network {
            reason: tidy(reason, 300),
        },
        error => error,
    }
}
