//! What the original answers, to the last byte: lists, what was done, progress, failures.

use axum::{
    body::Body,
    response::{IntoResponse as _, Response, sse::Event},
};
use http::{HeaderValue, StatusCode, header};
use outboard_connector::{
    download::{Phase, Progress},
    host::{Available, HostError, HostErrorKind, InstallOutcome, Summary},
    platform,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::connectors::{
    failure::status_of,
    work::{Told, Words},
};
use crate::plugins::as_go_writes;

pub(super) fn with_hint(detail: &str, hint: Option<&str>) -> String {
    let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
    format!("{detail}{hint}")
}

/// An error as Go's `http.Error` writes it.
pub(super) fn text(status: StatusCode, text: &str) -> Response {
    let mut response = Response::new(Body::from(format!("{text}\n")));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// JSON as Go's encoder writes it.
pub(super) fn ok(value: &impl Serialize) -> Response {
    let Ok(json) = serde_json::to_string(value) else {
        // Texts and booleans always serialize; this is for the compiler.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = Response::new(Body::from(as_go_writes(&json)));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// What was asked for is not there: what that is to the original.
#[derive(Clone, Copy, Debug)]
pub(super) enum Missing {
    /// No catalog has it: 400.
    InCatalogs,
    /// It is not installed: 404.
    Here,
}

pub(super) fn failed(error: &HostError, missing: Missing) -> Response {
    let status = match (error.kind(), missing) {
        (HostErrorKind::NotFound, Missing::InCatalogs) => StatusCode::BAD_REQUEST,
        (kind, _) => status_of(kind),
    };
    text(status, &with_hint(error.message(), error.what_to_do()))
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "WickListing")]
pub(super) struct Listing {
    installed: Vec<Entry>,
    available: Vec<Entry>,
    #[serde(skip_serializing_if = "String::is_empty")]
    registry_error: String,
    pub(super) is_admin: bool,
}

/// One entry; the order of the fields is the original's.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "WickEntry")]
pub(super) struct Entry {
    key: String,
    name: String,
    description: String,
    version: String,
    installed: bool,
    enabled: bool,
    arch_ok: bool,
    host: String,
    os_arch: Option<Vec<String>>,
    category: String,
    signed: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    update_available: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    latest_version: String,
}

impl Entry {
    fn installed(summary: Summary, newest: Option<&Available>) -> Entry {
        let newer = newest.filter(|newest| newest.update_available && newest.arch_ok);
        Entry {
            arch_ok: runs_here(&summary.os_arch),
            key: summary.key,
            name: summary.name,
            description: summary.description,
            version: summary.version,
            installed: true,
            enabled: summary.enabled,
            host: String::new(),
            os_arch: None,
            category: category(&summary.tags),
            signed: match summary.signed.as_str() {
                "program" | "envelope" => "valid",
                "none" | "" => "none",
                _ => "INVALID",
            },
            update_available: newer.is_some(),
            latest_version: newer.map_or_else(String::new, |newest| newest.version.clone()),
        }
    }

    fn available(available: Available) -> Entry {
        Entry {
            key: available.key,
            name: available.name,
            description: available.description,
            version: available.version,
            installed: false,
            enabled: false,
            arch_ok: available.arch_ok,
            host: platform::host(),
            os_arch: Some(available.os_arch),
            category: category(&available.tags),
            signed: "",
            update_available: false,
            latest_version: String::new(),
        }
    }
}

fn runs_here(os_arch: &[String]) -> bool {
    os_arch.contains(&platform::host())
}

/// The word that says more than that it is a connector.
fn category(tags: &[String]) -> String {
    let telling = tags
        .iter()
        .find(|tag| !tag.eq_ignore_ascii_case("connector"));
    telling.or(tags.first()).cloned().unwrap_or_default()
}

pub(super) fn listing(
    installed: Vec<Summary>,
    available: Vec<Available>,
    registry_error: String,
) -> Listing {
    let installed: Vec<Entry> = installed
        .into_iter()
        .map(|summary| {
            let newest = available.iter().find(|entry| entry.key == summary.key);
            Entry::installed(summary, newest)
        })
        .collect();
    let available = available
        .into_iter()
        .filter(|entry| installed.iter().all(|other| other.key != entry.key))
        .map(Entry::available)
        .collect();
    Listing {
        installed,
        available,
        registry_error,
        is_admin: true,
    }
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "WickSwitched")]
pub(super) struct Switched<'a> {
    pub(super) ok: bool,
    pub(super) key: &'a str,
    pub(super) enabled: bool,
}

/// Which of the two it was.
#[derive(Clone, Copy, Debug)]
pub(super) enum Done {
    Installed,
    Updated,
}

/// What was done; the order of the fields is the original's.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "WickOutcome")]
pub(super) struct Outcome {
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'static str>,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    installed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

impl Done {
    pub(super) fn of(self, outcome: InstallOutcome) -> Outcome {
        let (installed, updated, version) = match self {
            Done::Installed => (Some(outcome.key), None, None),
            Done::Updated => (None, Some(outcome.key), Some(outcome.version)),
        };
        Outcome {
            phase: None,
            ok: true,
            installed,
            updated,
            version,
        }
    }
}

/// How far it is; `pct` is -1 where nobody knows.
#[derive(Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "WickProgress")]
pub(super) struct Step {
    phase: Phase,
    pct: i64,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "WickFailed")]
pub(super) struct Broken<'a> {
    phase: &'static str,
    error: &'a str,
}

/// The original's events: no names, and a phase in each.
#[derive(Debug)]
pub(super) struct TheirWords {
    done: Done,
    last: Option<Step>,
}

impl TheirWords {
    pub(super) fn of(done: Done) -> TheirWords {
        TheirWords { done, last: None }
    }
}

impl Words<Progress, InstallOutcome> for TheirWords {
    fn event(&mut self, told: Told<Progress, InstallOutcome>) -> Option<Event> {
        let data = match told {
            Told::Progress(progress) => {
                // One event per whole percent; its end is told with what was done.
                let next = Step {
                    phase: progress.phase,
                    pct: progress.percent.map_or(-1, i64::from),
                };
                if next.phase == Phase::Done || self.last.as_ref() == Some(&next) {
                    return None;
                }
                let data = serde_json::to_string(&next);
                self.last = Some(next);
                data
            }
            Told::Done(outcome) => {
                let mut outcome = self.done.of(outcome);
                outcome.phase = Some("done");
                serde_json::to_string(&outcome)
            }
            Told::Failed(error) => {
                let text = with_hint(error.message(), error.what_to_do());
                serde_json::to_string(&Broken {
                    phase: "error",
                    error: &text,
                })
            }
        };
        Some(Event::default().data(as_go_writes(&data.ok()?).trim_end()))
    }

    fn failure(&self, error: &HostError) -> Response {
        failed(error, Missing::InCatalogs)
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::work::{self, Streams, progress};
    use axum::body::to_bytes;
    use serde_json::json;

    fn summary(key: &str) -> Summary {
        Summary {
            key: key.to_owned(),
            name: "Slack".to_owned(),
            description: "Talks <to> Slack".to_owned(),
            icon: String::new(),
            kind: "connector".to_owned(),
            version: "0.1.0".to_owned(),
            enabled: true,
            operations: 3,
            signed: "none".to_owned(),
            key_id: None,
            os_arch: vec![platform::host()],
            tags: vec!["Connector".to_owned(), "Communication".to_owned()],
            state: "stopped".to_owned(),
            pid: None,
            problem: None,
        }
    }

    fn available(key: &str, installed: Option<&str>) -> Available {
        Available {
            key: key.to_owned(),
            name: "GitHub".to_owned(),
            description: "Code".to_owned(),
            version: "0.2.0".to_owned(),
            arch_ok: true,
            digest: false,
            os_arch: vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()],
            tags: vec!["Development".to_owned()],
            kind: "connector".to_owned(),
            catalog: String::new(),
            installed: installed.map(str::to_owned),
            update_available: installed.is_some(),
        }
    }

    async fn body(response: Response) -> String {
        let bytes = to_bytes(response.into_body(), 1 << 16)
            .await
            .expect("a body");
        String::from_utf8(bytes.to_vec()).expect("a text")
    }

    #[tokio::test]
    async fn a_listing_has_the_originals_fields_in_their_order() {
        let found = vec![available("github", None), available("slack", Some("0.1.0"))];
        let listing = listing(vec![summary("slack")], found, String::new());
        let expected = format!(
            concat!(
                r#"{{"installed":[{{"key":"slack","name":"Slack","description":"Talks \u003cto\u003e Slack","#,
                r#""version":"0.1.0","installed":true,"enabled":true,"arch_ok":true,"host":"","os_arch":null,"#,
                r#""category":"Communication","signed":"none","update_available":true,"latest_version":"0.2.0"}}],"#,
                r#""available":[{{"key":"github","name":"GitHub","description":"Code","version":"0.2.0","#,
                r#""installed":false,"enabled":false,"arch_ok":true,"host":"{host}","#,
                r#""os_arch":["linux/amd64","linux/arm64"],"category":"Development","signed":""}}],"#,
                r#""is_admin":true}}"#,
                "\n"
            ),
            host = platform::host()
        );
        assert_eq!(body(ok(&listing)).await, expected);
    }

    #[test]
    fn a_catalog_that_cannot_be_read_is_told_beside_what_is_installed() {
        let listing = listing(vec![summary("slack")], Vec::new(), "no answer".to_owned());
        let json = serde_json::to_value(&listing).expect("plain data");
        assert_eq!(json["registry_error"], "no answer");
        assert_eq!(json["available"], json!([]));
        assert_eq!(json["installed"][0].get("update_available"), None);
    }

    #[test]
    fn signatures_have_the_originals_words() {
        for (ours, theirs) in [
            ("none", "none"),
            ("program", "valid"),
            ("envelope", "valid"),
            ("unverifiable", "INVALID"),
        ] {
            let mut summary = summary("slack");
            summary.signed = ours.to_owned();
            assert_eq!(Entry::installed(summary, None).signed, theirs);
        }
    }

    fn outcome() -> InstallOutcome {
        InstallOutcome {
            key: "github".to_owned(),
            version: "0.2.0".to_owned(),
            previous: None,
            action: "installed".to_owned(),
            signed: "none".to_owned(),
            source: "catalog".to_owned(),
        }
    }

    #[tokio::test]
    async fn what_was_done_is_told_as_the_original_does() {
        assert_eq!(
            body(ok(&Done::Installed.of(outcome()))).await,
            "{\"ok\":true,\"installed\":\"github\"}\n"
        );
        assert_eq!(
            body(ok(&Done::Updated.of(outcome()))).await,
            "{\"ok\":true,\"updated\":\"github\",\"version\":\"0.2.0\"}\n"
        );
        let switched = Switched {
            ok: true,
            key: "github",
            enabled: false,
        };
        assert_eq!(
            body(ok(&switched)).await,
            "{\"ok\":true,\"key\":\"github\",\"enabled\":false}\n"
        );
    }

    #[tokio::test]
    async fn progress_is_told_once_per_percent_and_ends_with_what_was_done() {
        let place = Streams::new(1)
            .take()
            .map_err(|failure| failure.0.detail)
            .expect("a place");
        let (tell, told) = progress();
        let at = |phase, percent, bytes| {
            let mut progress = Progress::of(phase);
            (progress.percent, progress.bytes) = (percent, bytes);
            progress
        };
        let work = async move {
            tell(at(Phase::Downloading, None, 0));
            tell(at(Phase::Downloading, Some(42), 1));
            tell(at(Phase::Downloading, Some(42), 2));
            tell(at(Phase::Done, Some(100), 2));
            Ok(outcome())
        };
        let words = TheirWords::of(Done::Installed);
        let response = work::answer(place, work, told, words).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(
            body(response).await,
            concat!(
                "data: {\"phase\":\"downloading\",\"pct\":-1}\n\n",
                "data: {\"phase\":\"downloading\",\"pct\":42}\n\n",
                "data: {\"phase\":\"done\",\"ok\":true,\"installed\":\"github\"}\n\n",
            )
        );
    }

    #[tokio::test]
    async fn failures_are_plain_texts_with_the_originals_statuses() {
        let error = |kind| HostError::new(kind, "no").hint("look");
        for (kind, missing, status) in [
            (HostErrorKind::NotFound, Missing::InCatalogs, 400),
            (HostErrorKind::NotFound, Missing::Here, 404),
            (HostErrorKind::Refused, Missing::InCatalogs, 403),
            (HostErrorKind::Internal, Missing::Here, 500),
        ] {
            let response = failed(&error(kind), missing);
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(
                response.headers()["content-type"],
                "text/plain; charset=utf-8"
            );
            assert_eq!(body(response).await, "no; look\n");
        }
    }
}
