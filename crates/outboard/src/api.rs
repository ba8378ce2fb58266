//! Talking to a running server: HTTP on this machine, with its token.

use std::{io::BufRead, io::BufReader, path::Path, time::Duration};

use serde_json::Value;
use ureq::http::{HeaderValue, Method, Request};

use crate::{
    error::{CliError, Exit},
    server_file::ServerFile,
};

/// How long a command waits for an answer. A load may take as long as a plugin's
/// start, and a reload or unload as long as running calls need to finish.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;

/// A server to talk to.
pub(crate) struct Api {
    server: ServerFile,
    agent: ureq::Agent,
}

impl Api {
    /// The server that runs on a data directory, if one does.
    pub(crate) fn find(data_dir: &Path) -> Result<Option<Api>, CliError> {
        let server = ServerFile::read(data_dir).map_err(|error| {
            let path = ServerFile::path(data_dir);
            CliError::failed(
                "server_file",
                format!("cannot read {}: {error}", path.display()),
            )
            .hint("stop the server and start it again, or remove the file if none runs")
        })?;
        Ok(server.map(|server| {
            // The server is a process of this machine that server.json names, and its
            // certificate is for names that others call it by.
            let tls = ureq::tls::TlsConfig::builder()
                .disable_verification(true)
                .build();
            let config = ureq::Agent::config_builder()
                .tls_config(tls)
                .http_status_as_error(false)
                .proxy(None)
                .timeout_connect(Some(Duration::from_secs(5)))
                .timeout_global(Some(TIMEOUT))
                .allow_non_standard_methods(true)
                .build();
            Api {
                server,
                agent: config.into(),
            }
        }))
    }

    /// The same, where nothing can be done without one.
    pub(crate) fn require(data_dir: &Path) -> Result<Api, CliError> {
        Api::find(data_dir)?.ok_or_else(|| {
            CliError::failed(
                "no_server",
                format!("no server runs on {}", data_dir.display()),
            )
            .hint("start one with `outboard serve`, or name its directory with --data-dir")
        })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url())
    }

    fn bearer(&self) -> String {
        self.server
            .token
            .as_ref()
            .map(|token| format!("Bearer {token}"))
            .unwrap_or_default()
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, CliError> {
        self.send(Method::GET, path, None)
    }

    pub(crate) fn post(&self, path: &str) -> Result<Value, CliError> {
        self.send(Method::POST, path, None)
    }

    /// A request with a body of JSON, or with none.
    pub(crate) fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CliError> {
        let answer = self.agent.run(self.request(method, path, body)?);
        self.value(answer)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Request<Vec<u8>>, CliError> {
        let mut request = Request::builder().method(method).uri(self.url(path));
        if self.server.token.is_some() {
            request = request.header("authorization", self.bearer());
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                body.to_string().into_bytes()
            }
            None => Vec::new(),
        };
        request.body(body).map_err(|error| {
            CliError::failed("internal", format!("cannot ask the server: {error}"))
        })
    }

    /// A stream of server-sent events, each as its name and data.
    pub(crate) fn events(
        &self,
        path: &str,
        event: impl FnMut(&str, Value),
    ) -> Result<(), CliError> {
        self.stream(Method::GET, path, None, event)
    }

    /// The same for a request of any method, with a body of JSON or none.
    pub(crate) fn stream(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        mut event: impl FnMut(&str, Value),
    ) -> Result<(), CliError> {
        let mut request = self.request(method, path, body)?;
        request
            .headers_mut()
            .insert("accept", HeaderValue::from_static("text/event-stream"));
        // It lasts until somebody ends it.
        let request = self
            .agent
            .configure_request(request)
            .timeout_global(None)
            .build();
        let answer = self
            .agent
            .run(request)
            .map_err(|error| self.unreachable(&error))?;
        if !answer.status().is_success() {
            return self.value(Ok(answer)).map(drop);
        }
        let reader = BufReader::new(answer.into_body().into_reader());
        let mut name = String::new();
        for line in reader.lines() {
            let line = line.map_err(|error| {
                CliError::failed(
                    "connection",
                    format!("the server ended the stream: {error}"),
                )
            })?;
            if let Some(value) = line.strip_prefix("event:") {
                value.trim().clone_into(&mut name);
            } else if let Some(data) = line.strip_prefix("data:") {
                let data = serde_json::from_str(data.trim())
                    .unwrap_or_else(|_| Value::String(data.trim().to_owned()));
                event(&name, data);
            } else if line.is_empty() {
                name.clear();
            }
        }
        Ok(())
    }

    fn unreachable(&self, error: &ureq::Error) -> CliError {
        let address = &self.server.address;
        CliError::failed(
            "connection",
            format!("no answer from the server at {address}: {error}"),
        )
        .hint("see whether it still runs; its log is where it was started")
    }

    fn value(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, CliError> {
        let mut answer = answer.map_err(|error| self.unreachable(&error))?;
        let status = answer.status().as_u16();
        let text = answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .read_to_string()
            .map_err(|error| self.unreachable(&error))?;
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if (200..300).contains(&status) {
            // The routes that Go hosts know wrap what they answer.
            return Ok(match value {
                Value::Object(mut map)
                    if map.contains_key("status") && map.contains_key("data") =>
                {
                    map.remove("data").unwrap_or_default()
                }
                value => value,
            });
        }
        Err(failure(status, &value, &text))
    }
}

pub(crate) fn failure(status: u16, value: &Value, text: &str) -> CliError {
    let field = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    // What programs branch on comes first: a command ends alike with a server and without.
    let exit = match (field("kind").as_deref(), status) {
        (Some("invalid_input" | "invalid_name"), _) | (_, 400) => Exit::Usage,
        (Some("refused"), _) | (_, 401 | 403) => Exit::Refused,
        (_, 404) => Exit::NotFound,
        _ => Exit::Failed,
    };
    let kind = field("kind").unwrap_or_else(|| match status {
        400 => "invalid_name".to_owned(),
        401 | 403 => "unauthorized".to_owned(),
        404 => "not_found".to_owned(),
        409 => "conflict".to_owned(),
        422 => "unusable".to_owned(),
        502 => "misbehaved".to_owned(),
        504 => "timeout".to_owned(),
        _ => "server".to_owned(),
    });
    let message = field("detail")
        .or_else(|| field("error"))
        .unwrap_or_else(|| format!("the server answered {status}: {}", text.trim()));
    let mut error = CliError::new(exit, &kind, message);
    error.hint = field("hint");
    error
}
