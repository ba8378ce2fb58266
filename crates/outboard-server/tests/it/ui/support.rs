//! What tests of pages have in common.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::json;

use crate::client::{Answer, Client};

/// The same client, as a browser asks.
pub(crate) fn browser(client: &Client) -> Client {
    client.with("accept", "text/html")
}

impl Client {
    /// Sends a form.
    pub(crate) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let encoded = |text: &str| -> String {
            text.bytes()
                .map(|byte| match byte {
                    byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                    byte => format!("%{byte:02X}"),
                })
                .collect()
        };
        let body: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        self.with("content-type", "application/x-www-form-urlencoded")
            .post(path, &body.join("&"))
            .await
    }

    /// A client with a token of this role.
    pub(crate) async fn of_role(&self, role: &str) -> Client {
        let body = json!({ "name": format!("a {role}"), "role": role }).to_string();
        let made = self
            .with("content-type", "application/json")
            .post("/api/v1/tokens", &body)
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        let token = made.json()["token"].as_str().unwrap().to_owned();
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// A page that must be there.
    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = browser(self).get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8"),
            "{path}"
        );
        is_tidy(path, &answer.body);
        answer.body
    }

    /// Sends a form, and goes to the page that its answer leads to. Gives the line about
    /// what was done with the page.
    pub(crate) async fn submit_and_follow(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let answer = browser(self).submit(path, fields).await;
        assert_eq!(answer.status, 303, "{path}: {answer:?}");
        let cookie = answer.header("set-cookie").expect("a line about it");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let to = answer.header("location").unwrap().to_owned();
        self.with("cookie", &cookie).page(&to).await
    }
}

/// What the policy of pages forbids is in none of them.
fn is_tidy(path: &str, html: &str) {
    for forbidden in [" style=", " onclick=", "<style", "javascript:"] {
        assert!(!html.contains(forbidden), "{path} has {forbidden}");
    }
    assert!(html.contains("<h1"), "{path} has no heading");
}

/// An answer that is read as it comes.
pub(crate) struct Stream {
    body: Incoming,
    seen: String,
}

impl Stream {
    pub(crate) fn of(response: http::Response<Incoming>) -> Stream {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Stream {
            body: response.into_body(),
            seen: String::new(),
        }
    }

    /// All that has come when a text has.
    pub(crate) async fn until(&mut self, text: &str) -> &str {
        while !self.seen.contains(text) {
            let frame = tokio::time::timeout(Duration::from_secs(30), self.body.frame()).await;
            let frame = frame.expect("in time").expect("more").unwrap();
            let data = frame.into_data().unwrap();
            self.seen += std::str::from_utf8(&data).unwrap();
        }
        &self.seen
    }
}
