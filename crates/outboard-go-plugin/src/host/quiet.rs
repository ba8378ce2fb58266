//! A reader that ends when there is nothing more to come from a process that
//! has ended, even if a child of it still holds the pipe open.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, ReadBuf},
    time::Sleep,
};

/// How long a pipe must be silent, after the end of its process, to count as
/// read to the end. All that the process wrote is in the pipe by then.
const QUIET: Duration = Duration::from_millis(20);

/// Tells one reader that the process has ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Ended(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    ended: AtomicBool,
    reader: AtomicWaker,
}

impl Ended {
    pub(super) fn set(&self) {
        self.0.ended.store(true, Ordering::Release);
        self.0.reader.wake();
    }
}

pub(super) struct UntilQuiet<R> {
    inner: R,
    ended: Ended,
    silence: Option<Pin<Box<Sleep>>>,
}

impl<R> UntilQuiet<R> {
    pub(super) fn new(inner: R, ended: Ended) -> UntilQuiet<R> {
        UntilQuiet {
            inner,
            ended,
            silence: None,
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for UntilQuiet<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(read) = Pin::new(&mut self.inner).poll_read(cx, buffer) {
            self.silence = None;
            return Poll::Ready(read);
        }
        self.ended.0.reader.register(cx.waker());
        if !self.ended.0.ended.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        let silence = self
            .silence
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(QUIET)));
        ready!(silence.as_mut().poll(cx));
        // Nothing read is how the end looks.
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_reads_what_is_there_and_ends_although_the_pipe_stays_open() {
        let (mut writer, reader) = tokio::io::duplex(1024);
        let ended = Ended::default();
        let mut reader = UntilQuiet::new(reader, ended.clone());
        let reading = tokio::spawn(async move {
            let mut all = String::new();
            reader.read_to_string(&mut all).await.map(|_| all)
        });
        writer.write_all(b"first ").await.expect("room");
        tokio::task::yield_now().await;
        writer.write_all(b"last").await.expect("room");
        ended.set();
        let all = reading.await.expect("the reader").expect("text");
        assert_eq!(all, "first last");
        drop(writer);
    }
}
