//! A body that is read on a thread of its own, so that nothing which it does not do can
//! hold the caller up.

use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    time::{Duration, Instant},
};

use super::DownloadError;

/// How large one piece is, in bytes.
const PIECE: usize = 64 * 1024;
/// How many pieces may wait.
const PIECES: usize = 4;
/// How often the caller is asked whether it still wants the rest.
const ASK: Duration = Duration::from_millis(50);

type Piece = io::Result<Vec<u8>>;

/// The pieces of a body. Dropping it ends the thread at its next piece, and at the
/// agent's own deadline if there is none.
pub(super) struct Pull {
    pieces: Receiver<Piece>,
    idle: Duration,
    until: Instant,
    bytes: u64,
}

impl Pull {
    pub(super) fn begin(
        body: Box<dyn Read + Send>,
        idle: Duration,
        until: Instant,
    ) -> io::Result<Pull> {
        let (send, pieces) = sync_channel(PIECES);
        std::thread::Builder::new()
            .name("outboard-download".to_owned())
            .spawn(move || read(body, &send))?;
        Ok(Pull {
            pieces,
            idle,
            until,
            bytes: 0,
        })
    }

    /// The next piece; `None` at the end.
    pub(super) fn next(
        &mut self,
        url: &str,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<u8>>, DownloadError> {
        let begun = Instant::now();
        loop {
            if cancelled() {
                return Err(DownloadError::Cancelled);
            }
            let slow = |what| DownloadError::TooSlow {
                url: url.to_owned(),
                waited: begun.elapsed(),
                what,
            };
            if begun.elapsed() >= self.idle {
                return Err(slow("without a byte"));
            }
            if Instant::now() >= self.until {
                return Err(slow("before the time for all of it was over"));
            }
            match self.pieces.recv_timeout(ASK) {
                Ok(Ok(piece)) => {
                    self.bytes += piece.len() as u64;
                    return Ok(Some(piece));
                }
                Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(DownloadError::CutOff {
                        url: url.to_owned(),
                        bytes: self.bytes,
                    });
                }
                Ok(Err(error)) => {
                    return Err(DownloadError::Connection {
                        url: url.to_owned(),
                        reason: format!("after {} bytes: {error}", self.bytes),
                    });
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        }
    }
}

fn read(mut body: Box<dyn Read + Send>, pieces: &SyncSender<Piece>) {
    loop {
        let mut piece = vec![0; PIECE];
        let sent = match body.read(&mut piece) {
            Ok(0) => return,
            Ok(length) => {
                piece.truncate(length);
                pieces.send(Ok(piece))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                // Whoever asked may have gone, and then there is nobody to tell.
                let _ = pieces.send(Err(error));
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}
