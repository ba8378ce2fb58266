//! Standard output of a plugin: taken over before anything can print, read by
//! a thread that never waits for anybody, kept within a bound.

use std::{
    fs::File,
    io::{self, Write as _},
    os::fd::{AsFd as _, OwnedFd},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::{Errno, fcntl_dupfd_cloexec},
    pipe, stdio,
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use super::stderr::LogPipe;
use crate::{
    generated::plugin::stdio_data::Channel,
    piece_queue::{Next, PieceQueue},
};

/// How much output waits for a host that does not read, in bytes.
const KEPT: usize = 1024 * 1024;
/// The most that one piece on the wire carries, in bytes.
const PIECE: usize = 16 * 1024;

/// At the end: how long the host gets to begin with reading, to read all, and
/// how long the last bytes get to leave for it.
const FIRST_READ: Duration = Duration::from_millis(50);
const LAST_READ: Duration = Duration::from_millis(500);
const LINGER: Duration = Duration::from_millis(5);

struct TakenOver {
    /// The descriptor 1 of before: where the handshake line goes.
    original: Arc<OwnedFd>,
    /// What comes out of the pipe that descriptor 1 is now.
    printed: Printed,
}

static TAKEN_OVER: OnceLock<Result<TakenOver, i32>> = OnceLock::new();

/// Moves standard output out of the way of the handshake: what was file
/// descriptor 1 is kept for the handshake line, and descriptor 1 becomes a pipe
/// that a thread of this process reads, so that printing never waits for the
/// host and never fails for want of one. What the host does not read is kept up
/// to 1 MiB; beyond that the oldest is dropped, and how much is said in the
/// stream.
///
/// Standard error stays the pipe to the host: what a crashing process says last
/// must not need a thread of it to arrive. The same thread watches it, and when
/// the host is gone sees to it that writing there neither fails nor blocks: what
/// is written then is kept within the same bound, for a host that comes later.
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
    // Above the three that programs take for granted.
    let original = Arc::new(fcntl_dupfd_cloexec(stdio::stdout(), 3)?);
    let (reading, writing) = pipe::pipe_with(pipe::PipeFlags::CLOEXEC)?;
    let printed = Printed::new(reading, LogPipe::new(Arc::clone(&original)));
    let sink = printed.clone();
    std::thread::Builder::new()
        .name("plugin-stdout".to_owned())
        .stack_size(64 * 1024)
        .spawn(move || sink.read_all())?;
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
#[derive(Clone)]
pub(super) struct Printed(Arc<Shared>);

struct Shared {
    queue: PieceQueue<Piece>,
    /// Whence the thread reads. It holds the lock while it moves bytes on, so
    /// that whoever has it finds each byte either in a pipe or in the queue.
    pipes: Mutex<Pipes>,
    used: AtomicBool,
    readers: AtomicUsize,
    readers_changed: Notify,
    stderr_lost: watch::Sender<bool>,
}

struct Pipes {
    stdout: Option<Arc<OwnedFd>>,
    stderr: LogPipe,
}

/// Some bytes for the host.
pub(super) struct Piece {
    pub(super) channel: Channel,
    pub(super) data: Bytes,
}

impl Printed {
    /// What a process prints whose outputs are its own affair.
    pub(super) fn nothing() -> Printed {
        Printed::of(None, LogPipe::none())
    }

    fn new(stdout: OwnedFd, stderr: LogPipe) -> Printed {
        Printed::of(Some(Arc::new(stdout)), stderr)
    }

    fn of(stdout: Option<Arc<OwnedFd>>, stderr: LogPipe) -> Printed {
        Printed(Arc::new(Shared {
            queue: PieceQueue::new(KEPT),
            pipes: Mutex::new(Pipes { stdout, stderr }),
            used: AtomicBool::new(false),
            readers: AtomicUsize::new(0),
            readers_changed: Notify::new(),
            stderr_lost: watch::channel(false).0,
        }))
    }

    /// What this process prints.
    pub(super) fn of_this_process() -> io::Result<Printed> {
        Ok(taken_over()?.printed.clone())
    }

    /// The thread: reads what is printed, and looks after standard error.
    fn read_all(&self) {
        let mut buffer = vec![0; PIECE];
        let Some(stdout) = self.lock().stdout.clone() else {
            return self.0.queue.end();
        };
        loop {
            let stderr = self.lock().stderr.waits_for();
            let (printed, logged) = {
                let mut wait = vec![PollFd::new(&*stdout, PollFlags::IN)];
                wait.extend(stderr.iter().map(|(pipe, flags)| PollFd::new(pipe, *flags)));
                match poll(&mut wait, None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(_) => break,
                }
                let ready = |pipe: &PollFd<'_>| !pipe.revents().is_empty();
                (ready(&wait[0]), wait.get(1).is_some_and(ready))
            };
            let mut pipes = self.lock();
            if logged {
                let count = pipes.stderr.changed(&mut buffer);
                self.push(Channel::Stderr, &buffer[..count]);
                self.0.stderr_lost.send_if_modified(|lost| {
                    !std::mem::replace(lost, pipes.stderr.is_lost()) && *lost
                });
            }
            if printed {
                match rustix::io::read(&stdout, &mut *buffer) {
                    Ok(0) => break,
                    Ok(count) => self.push(Channel::Stdout, &buffer[..count]),
                    Err(Errno::INTR | Errno::AGAIN) => {}
                    Err(_) => break,
                }
            }
        }
        self.0.queue.end();
    }

    fn lock(&self) -> MutexGuard<'_, Pipes> {
        self.0.pipes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, channel: Channel, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.0.used.store(true, Ordering::Release);
            let data = Bytes::copy_from_slice(bytes);
            self.0.queue.push(Piece { channel, data }, bytes.len());
        }
    }

    /// Waits until nobody reads standard error any more.
    pub(super) async fn stderr_lost(&self) {
        let mut lost = self.0.stderr_lost.subscribe();
        // The sender is ours, and so cannot go first.
        let _ = lost.wait_for(|lost| *lost).await;
    }

    /// Begins to read, as one call of the host does.
    pub(super) fn reader(&self) -> Reader {
        self.0.readers.fetch_add(1, Ordering::AcqRel);
        self.0.readers_changed.notify_waiters();
        Reader(self.clone())
    }

    /// Waits until the host has all that was printed so far, and ends its
    /// stream. A host that does not read, or not fast enough, is waited for
    /// within half a second in all.
    pub(super) async fn finish(&self) {
        let begun = Instant::now();
        // Buffered text first; nothing can be done about an error here.
        let _ = io::stdout().flush();
        while !self.is_moved_on() && begun.elapsed() < LAST_READ {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.0.queue.end();
        if !self.0.used.load(Ordering::Acquire) {
            return;
        }
        // Its call may still be on the way.
        let somebody = self.readers_are(|readers| readers > 0 || self.0.queue.is_empty());
        let _ = tokio::time::timeout_at(begun + FIRST_READ, somebody).await;
        let nobody = self.readers_are(|readers| readers == 0);
        let _ = tokio::time::timeout_at(begun + LAST_READ, nobody).await;
        // The last pieces must be on the wire before the host hears "done": a
        // host in Go stops to read then.
        tokio::time::sleep(LINGER).await;
    }

    async fn readers_are(&self, enough: impl Fn(usize) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.0.readers_changed.notified());
            changed.as_mut().enable();
            if enough(self.0.readers.load(Ordering::Acquire)) {
                return;
            }
            changed.await;
        }
    }

    /// Whether the thread has moved everything on.
    fn is_moved_on(&self) -> bool {
        // It has the lock only while it is at it.
        let Ok(pipes) = self.0.pipes.try_lock() else {
            return false;
        };
        let printed = pipes.stdout.as_ref();
        let printed = printed.map_or(Ok(0), rustix::io::ioctl_fionread);
        printed.unwrap_or(0) == 0 && pipes.stderr.is_empty()
    }
}

/// A host that reads what was printed; dropped when it has all or is gone.
pub(super) struct Reader(Printed);

impl Reader {
    /// The next piece, or nothing once the stream has ended.
    pub(super) async fn next(&self) -> Option<Piece> {
        Some(match self.0.0.queue.next().await? {
            Next::Piece(piece) => piece,
            Next::Dropped(bytes) => Piece {
                channel: Channel::Stdout,
                data: Bytes::from(format!(
                    "[{bytes} bytes of output dropped: nobody read them in time]\n"
                )),
            },
        })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let shared = &self.0.0;
        shared.readers.fetch_sub(1, Ordering::AcqRel);
        shared.readers_changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed() -> (Printed, File) {
        let (reading, writing) = pipe::pipe_with(pipe::PipeFlags::CLOEXEC).unwrap();
        let printed = Printed::new(reading, LogPipe::none());
        let thread = printed.clone();
        std::thread::spawn(move || thread.read_all());
        (printed, File::from(writing))
    }

    #[tokio::test]
    async fn a_flood_that_nobody_reads_blocks_nobody_and_is_counted() {
        let (printed, mut stdout) = printed();
        let before = Instant::now();
        stdout.write_all(&vec![b'x'; 10 * KEPT]).unwrap();
        printed.finish().await;
        assert!(before.elapsed() < Duration::from_secs(5));
        let reader = printed.reader();
        let first = reader.next().await.unwrap();
        let text = String::from_utf8(first.data.to_vec()).unwrap();
        let dropped = text
            .strip_prefix('[')
            .and_then(|rest| rest.split(' ').next());
        let mut bytes: usize = dropped.unwrap().parse().unwrap();
        while let Some(piece) = reader.next().await {
            bytes += piece.data.len();
        }
        assert_eq!(bytes, 10 * KEPT, "every byte was read or counted");
    }

    #[tokio::test]
    async fn finishing_waits_for_a_slow_reader_and_for_one_that_comes_late() {
        for late in [Duration::ZERO, Duration::from_millis(20)] {
            let (printed, mut stdout) = printed();
            stdout.write_all(&vec![b'x'; 200_000]).unwrap();
            let reader = {
                let printed = printed.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(late).await;
                    let reader = printed.reader();
                    let mut bytes = 0;
                    while let Some(piece) = reader.next().await {
                        bytes += piece.data.len();
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                    bytes
                })
            };
            tokio::task::yield_now().await;
            printed.finish().await;
            assert!(reader.is_finished());
            assert_eq!(reader.await.unwrap(), 200_000);
        }
    }

    #[tokio::test]
    async fn finishing_is_quick_where_nothing_was_printed_and_bounded_where_nobody_reads() {
        let (printed, mut stdout) = printed();
        let held = printed.reader();
        let before = Instant::now();
        printed.finish().await;
        assert!(before.elapsed() < FIRST_READ);
        stdout.write_all(b"for nobody").unwrap();
        let before = Instant::now();
        printed.finish().await;
        let took = before.elapsed();
        assert!(took < LAST_READ * 2, "{took:?}");
        drop(held);
    }
}
