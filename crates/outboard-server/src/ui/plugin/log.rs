//! The tab with what a plugin or a connector says, and the stream that brings new lines.
//!
//! ```text
//! id: 1764054000000000000
//! event: line
//! data: <li class="line warn">…</li>
//! ```
//!
//! The page has the last lines; the stream begins after the newest of them, and after the
//! one that a reader saw last when it comes back.

use std::time::{SystemTime, UNIX_EPOCH};

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::{Response, sse::Event},
};
use futures_util::{Stream, StreamExt as _, stream};
use http::{HeaderMap, Uri};
use outboard_go_plugin::host::{LogLevel, LogLine, PluginLog};
use serde::Deserialize;

use super::{
    LIVE,
    connector::{failed, host_of},
    head::{Head, unknown},
};
use crate::{
    events::{Events, lost, timestamp},
    http::Problem,
    server::AppState,
    ui::page::Ui,
};

/// How many lines the page has.
const SHOWN: usize = 200;
/// The longest message that is shown, in characters.
const MAX_MESSAGE: usize = 4000;

#[derive(Template)]
#[template(path = "plugin/log.html")]
pub(super) struct Log {
    lines: Vec<Line>,
    /// Of how many lines these are chosen.
    all: usize,
    levels: Vec<(&'static str, bool)>,
    level: &'static str,
    q: String,
    stream: String,
    href: String,
    /// Why there are no lines, if the plugin never ran.
    never_ran: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "plugin/log_line.html")]
struct LineHtml<'a> {
    line: &'a Line,
}

/// A line as the page shows it.
struct Line {
    id: u64,
    at: String,
    clock: String,
    pid: u32,
    level: &'static str,
    message: String,
    module: String,
    fields: String,
}

impl From<&LogLine> for Line {
    fn from(line: &LogLine) -> Line {
        let at = timestamp(line.at);
        Line {
            id: number(line.at),
            clock: at.get(11..23).unwrap_or_default().to_owned(),
            at,
            pid: line.pid,
            level: line.level.as_str(),
            message: line.message.chars().take(MAX_MESSAGE).collect(),
            module: line.module.clone().unwrap_or_default(),
            fields: line
                .fields
                .as_deref()
                .unwrap_or_default()
                .chars()
                .take(MAX_MESSAGE)
                .collect(),
        }
    }
}

/// What tells lines apart and which is newer.
fn number(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}

/// The least severe first.
const LEVELS: [LogLevel; 5] = [
    LogLevel::Trace,
    LogLevel::Debug,
    LogLevel::Info,
    LogLevel::Warn,
    LogLevel::Error,
];

#[derive(Default, Deserialize)]
struct Filter {
    #[serde(default)]
    level: String,
    #[serde(default)]
    q: String,
}

impl Filter {
    fn of(path: &str) -> Filter {
        let uri: Option<Uri> = path.parse().ok();
        let query = uri.and_then(|uri| Query::<Filter>::try_from_uri(&uri).ok());
        query.map_or_else(Filter::default, |query| query.0)
    }

    fn least(&self) -> usize {
        let place = LEVELS.iter().position(|level| level.as_str() == self.level);
        place.unwrap_or(0)
    }

    fn takes(&self, line: &LogLine) -> bool {
        let place = LEVELS.iter().position(|level| *level == line.level);
        let words = self.q.to_lowercase();
        let text = line.message.to_lowercase();
        place.is_none_or(|place| place >= self.least())
            && words.split_whitespace().all(|word| text.contains(word))
    }
}

/// The tab, and what makes the page ask for it again.
pub(super) fn tab(
    ui: &Ui,
    head: &Head,
    log: Option<PluginLog>,
    never_ran: &'static str,
) -> (Log, &'static str) {
    let filter = Filter::of(&ui.path);
    let said = log.as_ref().map_or_else(Vec::new, PluginLog::recent);
    let newest = said.last().map_or(0, |line| number(line.at));
    let chosen: Vec<&LogLine> = said.iter().filter(|line| filter.takes(line)).collect();
    let skipped = chosen.len().saturating_sub(SHOWN);
    let content = Log {
        lines: chosen[skipped..].iter().copied().map(Line::from).collect(),
        all: said.len(),
        levels: LEVELS
            .iter()
            .enumerate()
            .map(|(place, level)| (level.as_str(), place == filter.least()))
            .collect(),
        level: LEVELS[filter.least()].as_str(),
        q: filter.q,
        stream: format!("{}/log/stream?after={newest}", head.href),
        href: head.href.clone(),
        never_ran: log.is_none().then_some(never_ran),
    };
    // The stream keeps it live as soon as there is one.
    let live = if log.is_none() { LIVE } else { "" };
    (content, live)
}

#[derive(Deserialize)]
pub(super) struct After {
    #[serde(default)]
    after: u64,
}

/// `GET /ui/plugins/workflow/{name}/log/stream`
pub(super) async fn of_workflow(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(from): Query<After>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let log = state.plugins.manager().log(&name);
    let log = log.ok_or_else(|| unknown("log of a plugin", &name, std::iter::empty()))?;
    Ok(follow(&state.events, log, &from, &headers))
}

/// `GET /ui/plugins/connector/{name}/log/stream`
pub(super) async fn of_connector(
    State(state): State<AppState>,
    Path(key): Path<String>,
    Query(from): Query<After>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let log = host_of(&state)?.log(&key).map_err(|error| failed(&error))?;
    let log = log.ok_or_else(|| unknown("log of a connector", &key, std::iter::empty()))?;
    Ok(follow(&state.events, log, &from, &headers))
}

fn follow(events: &Events, log: PluginLog, from: &After, headers: &HeaderMap) -> Response {
    let last = headers.get("last-event-id");
    let last = last.and_then(|id| id.to_str().ok()?.parse().ok());
    events.stream(lines_after(log, last.unwrap_or(from.after)))
}

/// Every line after the one with that number, and then every new one.
fn lines_after(log: PluginLog, after: u64) -> impl Stream<Item = Event> + Send {
    // Followed before the past is read: a line in between comes twice, never not at all.
    let follower = log.follow();
    let past: Vec<LogLine> = log
        .recent()
        .into_iter()
        .filter(|line| number(line.at) > after)
        .collect();
    let newest = past.last().map_or(after, |line| number(line.at));
    let new = stream::unfold(follower, |mut follower| async move {
        follower.next().await.map(|next| (next, follower))
    });
    let new = new.filter_map(move |next| {
        let event = match next {
            Ok(line) if number(line.at) <= newest => None,
            Ok(line) => event(&line),
            Err(missed) => Some(lost(missed)),
        };
        async move { event }
    });
    let past: Vec<Event> = past.iter().filter_map(event).collect();
    stream::iter(past).chain(new)
}

fn event(line: &LogLine) -> Option<Event> {
    let line = Line::from(line);
    let html = LineHtml { line: &line }.render().ok()?;
    let event = Event::default().event("line").id(line.id.to_string());
    // A message of several lines is several `data` lines, which is the same text again.
    Some(event.data(html.replace('\r', "\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use outboard_go_plugin::host::LogSource;

    fn said(level: &str, message: &str) -> LogLine {
        let log = PluginLog::new("p");
        let mut writer = log.writer(1, LogSource::Stderr);
        writer.write(format!("[{level}] {message}\n").as_bytes());
        log.recent().pop().expect("a line")
    }

    #[test]
    fn what_a_plugin_says_is_text_and_never_markup() {
        let line = Line::from(&said("WARN", "<script>alert(1)</script>"));
        let html = LineHtml { line: &line }.render().expect("a line");
        assert!(!html.contains("<script>"), "{html}");
        assert!(html.contains("&#60;script&#62;"), "{html}");
        assert!(html.contains("warn"), "its level is a word: {html}");
    }

    #[test]
    fn a_filter_takes_a_level_and_those_above_it_that_have_all_words() {
        let filter = |path: &str, level, message| Filter::of(path).takes(&said(level, message));
        assert!(filter("/x", "TRACE", "any"));
        assert!(filter("/x?level=warn", "ERROR", "any"));
        assert!(!filter("/x?level=warn", "INFO", "any"));
        assert!(filter("/x?q=Two+one", "INFO", "one two"));
        assert!(!filter("/x?q=three", "INFO", "one two"));
        assert!(filter("/x?level=nonsense", "TRACE", "any"));
    }

    #[tokio::test]
    async fn a_reader_gets_what_came_after_the_line_it_saw_last() {
        let log = PluginLog::new("p");
        let mut writer = log.writer(1, LogSource::Stderr);
        writer.write(b"one\ntwo\n");
        let recent = log.recent();
        assert_eq!(recent.len(), 2);
        let mut lines = Box::pin(lines_after(log.clone(), number(recent[0].at)));
        let next = lines.next().now_or_never().flatten();
        assert!(format!("{next:?}").contains("two"), "{next:?}");
        assert!(lines.next().now_or_never().is_none(), "and no more");
        writer.write(b"three\n");
        let next = lines.next().now_or_never().flatten();
        assert!(format!("{next:?}").contains("three"), "{next:?}");
    }
}
