//! `GET /api/v1/events`: everything that changes, as Server-Sent Events.
//!
//! ```text
//! id: 5f3a9c01-17
//! event: plugin.crashed
//! data: {"at":"2026-01-01T00:00:00.000Z","plugin":"kv","text":"…","exit":{…}}
//! ```
//!
//! A reader that comes back with `Last-Event-ID` gets what it missed. What is no
//! longer remembered, or was said by a server before this one, it is told by an
//! event `lost`; it should then look at the lists again.

mod data;
mod describe;
mod ring;

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse as _, Response, Sse,
    sse::{Event, KeepAlive},
};
use futures_util::{Stream, StreamExt as _, stream};
use http::{HeaderMap, StatusCode};
use outboard_go_plugin::host::EventStream;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

pub(crate) use self::{
    data::{Exit, millis, timestamp},
    describe::{described, lost_schema},
    ring::{EventRing, Next},
};
use crate::http::Problem;

/// How many events are remembered.
const REMEMBERED: usize = 1024;
/// How many readers there may be at once, of events and logs together.
const MAX_READERS: usize = 64;
/// How often a silent stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The memory of events and the readers of streams.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    ring: EventRing,
    /// Tells the numbers of this server from those of an earlier one.
    boot: Arc<str>,
    readers: Arc<Semaphore>,
    /// Becomes true when the server stops; streams end then.
    stopping: watch::Receiver<bool>,
}

impl Events {
    pub(crate) fn new(stopping: watch::Receiver<bool>) -> Events {
        let mut bytes = [0_u8; 4];
        // All zeros would do: the numbers of two servers are then confused, and a
        // reader misses what happened between them.
        let _ = getrandom::fill(&mut bytes);
        Events {
            ring: EventRing::new(REMEMBERED),
            boot: format!("{:08x}", u32::from_be_bytes(bytes)).into(),
            readers: Arc::new(Semaphore::new(MAX_READERS)),
            stopping,
        }
    }

    pub(crate) fn ring(&self) -> &EventRing {
        &self.ring
    }

    /// Remembers what happens to plugins, until the manager is gone or the server stops.
    pub(crate) async fn record(self, mut plugins: EventStream) {
        let mut stopping = self.stopping.clone();
        loop {
            let event = tokio::select! {
                event = plugins.next() => event,
                () = stopped(&mut stopping) => return,
            };
            match event {
                Some(Ok(event)) => {
                    let (name, happened) = data::of_plugin(&event);
                    self.ring.push(name, &happened);
                }
                Some(Err(missed)) => {
                    self.ring.miss(missed);
                    self.ring.push("lost", &Lost { count: missed });
                }
                None => return,
            }
        }
    }

    /// Answers a reader of all events.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Response {
        let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
        let (from, gap) = match last {
            None => (self.ring.newest(), false),
            Some(id) => match self.number(id) {
                Some(number) => (number, false),
                // Of another server: all that this one knows is new.
                None => (0, true),
            },
        };
        let ring = self.ring.clone();
        let boot = Arc::clone(&self.boot);
        let greeting = gap.then(|| Event::default().event("lost").data("{}"));
        let events = stream::unfold((from, ring), move |(mut number, ring)| {
            let boot = Arc::clone(&boot);
            async move {
                let events = match ring.after(&mut number).await {
                    Next::Events(events) => events
                        .iter()
                        .map(|event| {
                            Event::default()
                                .id(format!("{boot}-{}", event.number))
                                .event(event.name)
                                .data(&*event.json)
                        })
                        .collect(),
                    Next::Lost { count } => vec![lost(count)],
                };
                Some((events, (number, ring)))
            }
        });
        self.stream(stream::iter(greeting).chain(events.flat_map(stream::iter)))
    }

    /// The number in an id of ours, if this server gave it out.
    fn number(&self, id: &str) -> Option<u64> {
        let (boot, number) = id.split_once('-')?;
        let number = number.parse().ok()?;
        (boot == &*self.boot && number <= self.ring.newest()).then_some(number)
    }

    /// A stream as an answer: bounded in number, kept alive, ended when the server
    /// stops.
    pub(crate) fn stream(&self, events: impl Stream<Item = Event> + Send + 'static) -> Response {
        let Ok(permit) = Arc::clone(&self.readers).try_acquire_owned() else {
            let detail = format!("there are {MAX_READERS} readers of streams already");
            return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail)
                .with_hint("end one of them")
                .into_response();
        };
        let mut stopping = self.stopping.clone();
        let end = Box::pin(async move { stopped(&mut stopping).await });
        let counted = Counted {
            events: Box::pin(events.take_until(end)),
            _permit: permit,
        };
        Sse::new(counted.map(Ok::<_, Infallible>))
            .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
            .into_response()
    }
}

/// Comes back when the server stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that nobody can say so any more, because the server is gone.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

#[derive(serde::Serialize)]
struct Lost {
    count: u64,
}

/// Tells a reader how much it has missed.
pub(crate) fn lost(count: u64) -> Event {
    Event::default()
        .event("lost")
        .data(format!(r#"{{"count":{count}}}"#))
}

/// A stream that counts as a reader while it is there.
struct Counted<S> {
    events: std::pin::Pin<Box<S>>,
    _permit: OwnedSemaphorePermit,
}

impl<S: Stream> Stream for Counted<S> {
    type Item = S::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<S::Item>> {
        self.events.as_mut().poll_next(context)
    }
}
