//! `GET /ui/live`: which topics changed, so that parts of pages ask again.
//!
//! ```text
//! event: plugins
//! data: 12
//! ```
//!
//! The data is the number of the newest event of that topic. Many changes at once are told
//! as one, at most four times a second.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    extract::State,
    response::{Response, sse::Event},
};
use futures_util::stream;

use crate::{
    events::{EventRing, Next},
    server::AppState,
};

/// How long changes are gathered before they are told.
const GATHER: Duration = Duration::from_millis(250);
/// All topics, which are told when it is not known what was missed.
const TOPICS: [&str; 5] = ["plugins", "connectors", "runs", "pages", "access"];

/// The topic of an event.
fn topic(name: &str) -> &'static str {
    match name.split('.').next() {
        Some("plugin") => "plugins",
        Some("connector") => "connectors",
        Some("run") => "runs",
        Some("call") => "calls",
        Some("ui" | "native") => "pages",
        Some("access") => "access",
        _ => "other",
    }
}

pub(super) async fn live(State(state): State<AppState>) -> Response {
    let ring = state.events.ring().clone();
    let from = ring.newest();
    let events = stream::unfold(
        (ring, from, Vec::new()),
        |(ring, mut at, mut ready)| async move {
            while ready.is_empty() {
                ready = changed(&ring, &mut at).await;
            }
            let event = ready.pop()?;
            Some((event, (ring, at, ready)))
        },
    );
    state.events.stream(events)
}

async fn changed(ring: &EventRing, at: &mut u64) -> Vec<Event> {
    let mut newest = BTreeMap::new();
    let mut note = |next: Next| match next {
        Next::Events(events) => {
            for event in events {
                newest.insert(topic(event.name), event.number);
            }
        }
        Next::Lost { .. } => newest.extend(TOPICS.map(|topic| (topic, 0))),
    };
    note(ring.after(at).await);
    tokio::time::sleep(GATHER).await;
    let mut more = std::pin::pin!(ring.after(at));
    if let Some(next) = futures_util::FutureExt::now_or_never(more.as_mut()) {
        note(next);
    }
    newest
        .into_iter()
        .map(|(topic, number)| Event::default().event(topic).data(number.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_changes_of_a_topic_are_told_once() {
        let ring = EventRing::new(64);
        for number in 0..5 {
            ring.push("plugin.ready", &number);
            ring.push("run.started", &number);
        }
        let mut at = 0;
        assert_eq!(changed(&ring, &mut at).await.len(), 2);
        assert_eq!(at, 10);
    }

    #[test]
    fn each_event_has_a_topic() {
        assert_eq!(topic("plugin.crashed"), "plugins");
        assert_eq!(topic("ui.reloaded"), "pages");
        assert_eq!(topic("lost"), "other");
    }
}
