//! A request and its body on a thread of their own, so that nothing which a server or a
//! resolver does not do can hold the caller up.

use std::{
    io,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    time::{Duration, Instant},
};

use super::{
    DownloadError, DownloadLimits, Wanted,
    request::{Answer, Head, ask, body_error},
    shown,
};

/// How large one piece is, in bytes.
const PIECE: usize = 64 * 1024;
/// How many pieces may wait.
const PIECES: usize = 4;
/// How often the caller is asked whether it still wants the rest.
const ASK: Duration = Duration::from_millis(50);

/// What comes, in this order.
pub(super) enum Event {
    /// Nothing: it is what it was. The last one.
    NotModified,
    /// The answer begins.
    Head(Head),
    /// A piece of it.
    Piece(Vec<u8>),
    /// It is complete, as far as the connection tells. The last one.
    End,
    /// It failed. The last one.
    Failed(DownloadError),
}

/// A request under way. Dropping it ends the thread at its next piece, and at the latest
/// when the time for all of it is over.
pub(super) struct Pull {
    events: Receiver<Event>,
    url: String,
    limits: DownloadLimits,
    until: Instant,
    begun: bool,
}

impl Pull {
    pub(super) fn begin(wanted: &Wanted, limits: &DownloadLimits) -> io::Result<Pull> {
        let until = Instant::now() + limits.total;
        let (send, events) = sync_channel(PIECES);
        let url = shown(&wanted.url);
        let (wanted, owned) = (wanted.clone(), *limits);
        std::thread::Builder::new()
            .name("outboard-download".to_owned())
            .spawn(move || run(&wanted, &owned, until, &send))?;
        Ok(Pull {
            events,
            url,
            limits: *limits,
            until,
            begun: false,
        })
    }

    /// The next event.
    pub(super) fn next(&mut self, cancelled: &dyn Fn() -> bool) -> Result<Event, DownloadError> {
        let waiting = Instant::now();
        loop {
            if cancelled() {
                return Err(DownloadError::Cancelled);
            }
            let slow = |waited, what| DownloadError::TooSlow {
                url: self.url.clone(),
                waited,
                what,
            };
            let now = Instant::now();
            if now >= self.until {
                return Err(slow(self.limits.total, "without an end"));
            }
            // Until the answer begins the request has limits of its own.
            if self.begun && now - waiting >= self.limits.idle {
                return Err(slow(self.limits.idle, "without a byte"));
            }
            match self.events.recv_timeout(ASK.min(self.until - now)) {
                Ok(Event::Failed(error)) => return Err(error),
                Ok(event) => {
                    self.begun = true;
                    return Ok(event);
                }
                Err(RecvTimeoutError::Timeout) => {}
                // It panicked: every other way out says how it ended.
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(DownloadError::Connection {
                        url: self.url.clone(),
                        reason: "the request ended without an answer".to_owned(),
                    });
                }
            }
        }
    }
}

fn run(wanted: &Wanted, limits: &DownloadLimits, until: Instant, events: &SyncSender<Event>) {
    let last = match ask(wanted, limits, until) {
        Ok(Some(Answer { head, mut body })) => {
            if events.send(Event::Head(head)).is_err() {
                return;
            }
            let mut bytes = 0;
            loop {
                let mut piece = vec![0; PIECE];
                match body.read(&mut piece) {
                    Ok(0) => break Event::End,
                    Ok(length) => {
                        bytes += length as u64;
                        piece.truncate(length);
                        if events.send(Event::Piece(piece)).is_err() {
                            return;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        let url = shown(&wanted.url);
                        break Event::Failed(body_error(&url, error, bytes, limits));
                    }
                }
            }
        }
        Ok(None) => Event::NotModified,
        Err(error) => Event::Failed(error),
    };
    // Whoever asked may have gone, and then there is nobody to tell.
    let _ = events.send(last);
}
