//! One command to ChromeDriver and its answer.

use std::time::Duration;

use serde_json::{Value, json};

/// Longer than any command waits by itself, pages that load among them.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What ChromeDriver says when it cannot: the protocol's word for it, and a sentence.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) word: String,
    pub(super) message: String,
}

impl Refused {
    /// Whether the same may work a moment later, because the page moves.
    pub(super) fn passes(&self) -> bool {
        matches!(
            self.word.as_str(),
            "no such element"
                | "stale element reference"
                | "element not interactable"
                | "element click intercepted"
                | "no such frame"
        )
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first = self.message.lines().next().unwrap_or_default();
        write!(formatter, "{}: {first}", self.word)
    }
}

/// The way to a running ChromeDriver.
#[derive(Debug)]
pub(super) struct Wire {
    agent: ureq::Agent,
    base: String,
}

impl Wire {
    pub(super) fn to_port(port: u16) -> Wire {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(TIMEOUT))
            .build();
        Wire {
            agent: config.into(),
            base: format!("http://127.0.0.1:{port}"),
        }
    }

    pub(super) fn get(&self, path: &str) -> Result<Value, Refused> {
        answer(self.agent.get(format!("{}{path}", self.base)).call())
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        let request = self.agent.post(format!("{}{path}", self.base));
        answer(request.send_json(body))
    }

    pub(super) fn delete(&self, path: &str) -> Result<Value, Refused> {
        answer(self.agent.delete(format!("{}{path}", self.base)).call())
    }
}

/// Every answer is `{"value": …}`, which for a refusal has `error` and `message`.
fn answer(
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Value, Refused> {
    let lost = |error: &dyn std::fmt::Display| Refused {
        word: "no answer".to_owned(),
        message: error.to_string(),
    };
    let mut response = response.map_err(|error| lost(&error))?;
    let well = response.status().is_success();
    // A screenshot of a long page is some megabytes.
    let body = response
        .body_mut()
        .with_config()
        .limit(64 << 20)
        .read_json();
    let mut body: Value = body.map_err(|error| lost(&error))?;
    let value = body.get_mut("value").map_or(json!(null), Value::take);
    if well {
        return Ok(value);
    }
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    Err(Refused {
        word: text("error"),
        message: text("message"),
    })
}
