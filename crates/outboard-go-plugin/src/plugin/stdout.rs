//! Standard output of a plugin: taken over before anything can print, read by
//! a thread that never waits for anybody, kept within a bound.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::{AsFd as _, OwnedFd},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::Notify;

/// How much output waits for a host that does not read, in bytes.
const KEPT: usize = 1024 * 1024;
/// The most that one piece on the wire carries, in bytes.
const PIECE: usize = 16 * 1024;

struct TakenOver {
    /// The descriptor 1 of before: where the handshake line goes.
    original: OwnedFd,
    /// What comes out of the pipe that descriptor 1 is now.
    printed: Printed,
}

static TAKEN_OVER: OnceLock<Result<TakenOver, i32>> = OnceLock::new();

/// Moves standard output out of the way of the handshake: what was file
/// descriptor 1 is kept for the handshake line, and descriptor 1 becomes a pipe
/// that a thread of this process reads, so that printing never waits for the
/// host. What the host does not read is kept up to 1 MiB; beyond that the
/// oldest is dropped, and how much is said in the stream.
///
/// `run` calls this by itself. Call it earlier, from an initializer that runs
/// before `main`, if something else may print that early; and only when the
/// magic cookie says that a host started this process, because output is lost
/// if nothing is ever served. Calling it again does nothing.
///
/// # Errors
///
/// When the process is out of file descriptors or threads, or has no standard
/// output.
pub fn take_over_stdout() -> io::Result<()> {
    taken_over().map(|_| ())
}

fn taken_over() -> io::Result<&'static TakenOver> {
    let taken =
        TAKEN_OVER.get_or_init(|| take().map_err(|error| error.raw_os_error().unwrap_or(0)));
    taken
        .as_ref()
        .map_err(|error| io::Error::from_raw_os_error(*error))
}

fn take() -> io::Result<TakenOver> {
    use rustix::{io::fcntl_dupfd_cloexec, pipe, stdio};

    // Above the three that programs take for granted.
    let original = fcntl_dupfd_cloexec(stdio::stdout(), 3)?;
    let (reading, writing) = pipe::pipe_with(pipe::PipeFlags::CLOEXEC)?;
    let printed = Printed::default();
    let sink = printed.clone();
    std::thread::Builder::new()
        .name("plugin-stdout".to_owned())
        .stack_size(64 * 1024)
        .spawn(move || sink.read_all(File::from(reading)))?;
    stdio::dup2_stdout(&writing)?;
    Ok(TakenOver { original, printed })
}

/// Writes the handshake line where the host reads it.
pub(super) fn write_handshake(line: &str) -> io::Result<()> {
    let taken_over = taken_over()?;
    let mut file = File::from(taken_over.original.as_fd().try_clone_to_owned()?);
    file.write_all(format!("{line}\n").as_bytes())
}

/// Another descriptor for what was standard output, which the host reads.
pub(super) fn original() -> io::Result<OwnedFd> {
    taken_over()?.original.as_fd().try_clone_to_owned()
}

/// What was printed and not read yet.
#[derive(Clone, Default)]
pub(super) struct Printed(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    dropped: u64,
    used: bool,
    ended: bool,
}

impl Printed {
    /// What this process prints.
    pub(super) fn of_this_process() -> io::Result<Printed> {
        Ok(taken_over()?.printed.clone())
    }

    fn read_all(&self, mut pipe: File) {
        let mut buffer = vec![0; PIECE];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => self.push(Bytes::copy_from_slice(&buffer[..count])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.end();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, piece: Bytes) {
        {
            let mut state = self.lock();
            state.used = true;
            state.bytes += piece.len();
            state.pieces.push_back(piece);
            // The newest output says more than the oldest.
            while state.bytes > KEPT
                && let Some(oldest) = state.pieces.pop_front()
            {
                state.bytes -= oldest.len();
                state.dropped += oldest.len() as u64;
            }
        }
        self.0.changed.notify_waiters();
    }

    /// Whether anything was ever printed.
    pub(super) fn was_used(&self) -> bool {
        self.lock().used
    }

    /// Ends the stream once what is kept has been read.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.0.changed.notify_waiters();
    }

    /// The next piece, or nothing once the stream has ended.
    pub(super) async fn next(&self) -> Option<Bytes> {
        loop {
            let mut changed = std::pin::pin!(self.0.changed.notified());
            changed.as_mut().enable();
            {
                let mut state = self.lock();
                if state.dropped > 0 {
                    let dropped = std::mem::take(&mut state.dropped);
                    return Some(Bytes::from(format!(
                        "[{dropped} bytes of output dropped: nobody read them in time]\n"
                    )));
                }
                if let Some(piece) = state.pieces.pop_front() {
                    state.bytes -= piece.len();
                    return Some(piece);
                }
                if state.ended {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Waits until all that the process printed so far has been taken, but no
    /// longer than `limit`.
    pub(super) async fn flush(&self, limit: Duration) {
        // Buffered text first; nothing can be done about an error here.
        let _ = io::stdout().flush();
        let until = tokio::time::Instant::now() + limit;
        loop {
            let empty = self.lock().pieces.is_empty() && pipe_is_empty();
            if empty || tokio::time::Instant::now() >= until {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Whether the reading thread has taken everything out of the pipe.
fn pipe_is_empty() -> bool {
    // Descriptor 1 is the writing end, which shares its buffer with the other.
    rustix::io::ioctl_fionread(rustix::stdio::stdout()).map_or(true, |waiting| waiting == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_nobody_reads_is_bounded_and_counted() {
        let printed = Printed::default();
        let piece = Bytes::from(vec![b'x'; PIECE]);
        for _ in 0..(KEPT / PIECE + 10) {
            printed.push(piece.clone());
        }
        printed.end();
        let first = printed.next().await.expect("a notice");
        let expected = format!("[{} bytes of output dropped", 10 * PIECE);
        assert!(first.starts_with(expected.as_bytes()), "{first:?}");
        let mut bytes = 0;
        while let Some(piece) = printed.next().await {
            bytes += piece.len();
        }
        assert_eq!(bytes, KEPT);
    }

    #[tokio::test]
    async fn a_waiting_reader_is_woken_by_a_piece_and_by_the_end() {
        let printed = Printed::default();
        let reader = {
            let printed = printed.clone();
            tokio::spawn(async move { (printed.next().await, printed.next().await) })
        };
        tokio::task::yield_now().await;
        printed.push(Bytes::from_static(b"hello"));
        tokio::task::yield_now().await;
        printed.end();
        let (first, second) = reader.await.expect("the reader");
        assert_eq!(first.as_deref(), Some(&b"hello"[..]));
        assert_eq!(second, None);
    }
}
