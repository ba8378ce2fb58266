//! Requests to the server past the browser, as a program of this machine makes them.

use std::fs;

use serde_json::Value;

use super::{DEADLINE, Home, Serving};

/// The server's API, with the token that lies in its data directory.
#[derive(Debug)]
pub(crate) struct Api {
    agent: ureq::Agent,
    base: String,
    token: String,
}

/// A status and what came with it; text that is no JSON is a string.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Api {
    /// The API of a server, for whoever may read its data directory.
    pub(crate) fn local(home: &Home, server: &Serving) -> Api {
        let file = fs::read(home.data().join("server.json")).unwrap();
        let file: Value = serde_json::from_slice(&file).unwrap();
        // In development there is none, and none is asked for.
        Api::with_token(server, file["token"].as_str().unwrap_or_default())
    }

    /// The API for whoever has this token.
    pub(crate) fn with_token(server: &Serving, token: &str) -> Api {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(DEADLINE))
            .build();
        Api {
            agent: config.into(),
            base: server.url.clone(),
            token: format!("Bearer {token}"),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        let request = self.agent.get(format!("{}{path}", self.base));
        answer(request.header("authorization", &self.token).call())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.agent.post(format!("{}{path}", self.base));
        answer(request.header("authorization", &self.token).send_json(body))
    }

    /// The same where nothing but success will do.
    #[track_caller]
    pub(crate) fn done(&self, path: &str, body: &Value) -> Value {
        let answer = self.post(path, body);
        assert!(answer.status < 300, "POST {path}: {answer:?}");
        answer.body
    }

    /// Runs a pipeline to its end, also a bad one, and returns the run's id.
    #[track_caller]
    pub(crate) fn run_pipeline(&self, name: &str, input: &Value) -> String {
        let ran = self.done(&format!("/api/v1/pipelines/{name}/run"), input);
        ran["id"].as_str().unwrap().to_owned()
    }
}

#[track_caller]
fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut response = response.unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    Answer {
        status: response.status().as_u16(),
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
    }
}
