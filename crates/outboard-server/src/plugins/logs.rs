//! `GET /api/v1/plugins/external/{name}/logs`: what a plugin said, and says.
//!
//! Live, each line is an event `line`; an event `exit` tells how a process ended, with
//! its status and its last lines; a reader that is too slow gets `lost` with a count.

use axum::{
    Json,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response, sse::Event},
};
use futures_util::{Stream, StreamExt as _, stream};
use http::StatusCode;
use outboard_go_plugin::host::{
    EventStream, LogLine, LogSource, PluginEvent, PluginEventKind, PluginLog,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::details::{find, unknown};
use crate::{
    events::{Exit, lost, timestamp},
    http::Problem,
    server::AppState,
};

/// How many lines come if nobody says how many.
const DEFAULT_LINES: usize = 100;

#[derive(Debug, Deserialize)]
pub(crate) struct LogQuery {
    /// `1` to go on with new lines as they come.
    #[serde(default)]
    follow: Option<String>,
    /// How many of the remembered lines.
    #[serde(default)]
    lines: Option<usize>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "PluginLog")]
pub(super) struct Recent<'a> {
    name: &'a str,
    lines: Vec<Line>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "PluginLogLine")]
pub(super) struct Line {
    at: String,
    pid: u32,
    source: &'static str,
    level: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<serde_json::Value>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "PluginProcessEnded")]
pub(super) struct Ended {
    at: String,
    /// A sentence for people.
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<Exit>,
}

pub(crate) async fn logs(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(query): Query<LogQuery>,
) -> Result<Response, Problem> {
    let manager = state.plugins.manager();
    let found = find(&state.plugins, &name).await?;
    let log = manager.log(&name);
    if log.is_none() && found.is_none() {
        return Err(unknown(&name));
    }
    let most = query.lines.unwrap_or(DEFAULT_LINES);
    if !matches!(query.follow.as_deref(), Some("1" | "true" | "")) {
        let lines = log.map(|log| last(&log, most)).unwrap_or_default();
        let lines = lines.into_iter().map(Line::from).collect();
        return Ok(Json(Recent { name: &name, lines }).into_response());
    }
    let Some(log) = log else {
        let detail = format!("plugin {name:?} was not started since the server was");
        return Err(
            Problem::new(StatusCode::CONFLICT, "not_loaded", detail).with_hint(format!(
                "load it first: POST /api/v1/plugins/external/{name}/load"
            )),
        );
    };
    let events = manager.events();
    Ok(state.events.stream(follow(name, log, events, most)))
}

fn last(log: &PluginLog, most: usize) -> Vec<LogLine> {
    let mut lines = log.recent();
    lines.split_off(lines.len().saturating_sub(most))
}

/// The last lines, then every new one and every end of a process.
fn follow(
    name: String,
    log: PluginLog,
    events: EventStream,
    most: usize,
) -> impl Stream<Item = Event> + Send {
    // Followed before the past is read: a line in between comes twice, never not at all.
    let follower = log.follow();
    let all = log.recent();
    let past: Vec<Event> = last(&log, most).into_iter().map(line).collect();
    let lines = stream::unfold(follower, |mut follower| async move {
        follower.next().await.map(|next| (next, follower))
    });
    let lines = lines.filter_map(move |next| {
        let event = match next {
            Ok(new) if all.iter().any(|old| old.at == new.at && old.pid == new.pid) => None,
            Ok(new) => Some(line(new)),
            Err(missed) => Some(lost(missed)),
        };
        async move { event }
    });
    let ends = stream::unfold(events, |mut events| async move {
        events.next().await.map(|next| (next, events))
    });
    let ends = ends.filter_map(move |next| {
        let event = next
            .ok()
            .filter(|event| event.plugin == name)
            .and_then(|event| ended(&event));
        async move { event }
    });
    stream::iter(past).chain(stream::select(lines, ends))
}

fn ended(event: &PluginEvent) -> Option<Event> {
    let exit = match &event.kind {
        PluginEventKind::Crashed(report) | PluginEventKind::Stopped(report) => Some(report.into()),
        PluginEventKind::Failed { .. } | PluginEventKind::StartFailed { .. } => None,
        _ => return None,
    };
    let ended = Ended {
        at: timestamp(event.at),
        text: event.to_string(),
        exit,
    };
    Event::default().event("exit").json_data(ended).ok()
}

fn line(line: LogLine) -> Event {
    let event = Event::default().event("line");
    event.json_data(Line::from(line)).unwrap_or_default()
}

impl From<LogLine> for Line {
    fn from(line: LogLine) -> Line {
        Line {
            at: timestamp(line.at),
            pid: line.pid,
            source: match line.source {
                LogSource::Stderr => "stderr",
                LogSource::Stdout => "stdout",
            },
            level: line.level.as_str(),
            message: line.message,
            module: line.module,
            fields: line
                .fields
                .and_then(|fields| serde_json::from_str(&fields).ok()),
        }
    }
}
