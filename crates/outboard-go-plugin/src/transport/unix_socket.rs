//! A Unix socket that is woken for what it waits for, and for nothing else.
//!
//! tokio's own asks the kernel to tell of room to write as well, always: each time
//! the peer reads, the writer is woken although it waits for an answer. Calls are
//! short, so that costs a good part of one. Here writing is tried first, and the
//! kernel is asked about room only from the first time on that there is none, which
//! is when a stream fills the socket.

use std::{
    io::{self, IoSlice, Write as _},
    net::Shutdown,
    os::{
        fd::{AsFd as _, AsRawFd, OwnedFd},
        unix::net::UnixStream,
    },
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, unix::AsyncFd};

#[derive(Debug)]
pub(super) struct UnixSocket {
    socket: AsyncFd<UnixStream>,
    /// The same socket once more: a descriptor is registered for one purpose.
    room: Option<AsyncFd<OwnedFd>>,
}

impl UnixSocket {
    pub(super) fn new(stream: tokio::net::UnixStream) -> io::Result<UnixSocket> {
        Ok(UnixSocket {
            socket: register(stream.into_std()?, Interest::READABLE)?,
            room: None,
        })
    }

    fn poll_writing(
        &mut self,
        cx: &mut Context<'_>,
        write: impl Fn(&UnixStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = match &self.room {
                Some(room) => Some(ready!(room.poll_write_ready(cx))?),
                None => None,
            };
            match write(self.socket.get_ref()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => match &mut ready {
                    Some(ready) => ready.clear_ready(),
                    None => {
                        let again = self.socket.get_ref().as_fd().try_clone_to_owned()?;
                        self.room = Some(register(again, Interest::WRITABLE)?);
                    }
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
    }
}

fn register<T>(descriptor: T, interest: Interest) -> io::Result<AsyncFd<T>>
where
    T: Into<OwnedFd> + AsRawFd,
{
    // SAFETY: the types that convert into an `OwnedFd` name the same open descriptor
    // for as long as they live, and the `AsyncFd` that registers it owns it.
    unsafe { AsyncFd::register_with_interest(descriptor, interest) }.map_err(Into::into)
}

impl AsyncRead for UnixSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buffer.remaining();
        loop {
            let mut ready = ready!(self.socket.poll_read_ready(cx))?;
            // SAFETY: nothing that is initialized is taken back: the kernel only
            // writes to it.
            let unfilled = unsafe { buffer.unfilled_mut() };
            let count = match rustix::io::read(self.socket.get_ref(), unfilled) {
                Ok((read, _)) => read.len(),
                Err(rustix::io::Errno::AGAIN) => {
                    ready.clear_ready();
                    continue;
                }
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Poll::Ready(Err(error.into())),
            };
            // Less than there was room for means that nothing is left; the kernel
            // tells when there is more.
            if 0 < count && count < room {
                ready.clear_ready();
            }
            // SAFETY: the kernel has just written that many bytes there.
            unsafe { buffer.assume_init(count) };
            buffer.advance(count);
            return Poll::Ready(Ok(()));
        }
    }
}

impl AsyncWrite for UnixSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = |mut socket: &UnixStream| socket.write(bytes);
        self.get_mut().poll_writing(cx, write)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = |mut socket: &UnixStream| socket.write_vectored(slices);
        self.get_mut().poll_writing(cx, write)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket.get_ref().shutdown(Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn pair() -> (UnixSocket, UnixSocket) {
        let (one, other) = tokio::net::UnixStream::pair().unwrap();
        (
            UnixSocket::new(one).unwrap(),
            UnixSocket::new(other).unwrap(),
        )
    }

    #[tokio::test]
    async fn more_than_the_socket_holds_arrives_whole_and_then_its_end() {
        let (mut writer, mut reader) = pair();
        let sent: Vec<u8> = (0..8 * 1024 * 1024_u32)
            .map(|number| number as u8)
            .collect();
        let expected = sent.clone();
        let writing = tokio::spawn(async move {
            writer.write_all(&sent).await.unwrap();
            assert!(writer.room.is_some(), "it had to wait for room");
            writer.shutdown().await.unwrap();
            // The other direction is open still.
            let mut word = String::new();
            writer.read_to_string(&mut word).await.unwrap();
            word
        });
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.unwrap();
        assert!(received == expected);
        reader.write_all(b"all of it").await.unwrap();
        drop(reader);
        assert_eq!(writing.await.unwrap(), "all of it");
    }

    #[tokio::test]
    async fn small_words_are_exchanged_without_asking_about_room() {
        let (mut one, mut other) = pair();
        let mut word = [0; 4];
        for _ in 0..1000 {
            one.write_all(b"ping").await.unwrap();
            other.read_exact(&mut word).await.unwrap();
            other.write_all(b"pong").await.unwrap();
            one.read_exact(&mut word).await.unwrap();
        }
        assert!(one.room.is_none() && other.room.is_none());
    }

    #[tokio::test]
    async fn a_peer_that_goes_ends_reading_and_fails_writing() {
        let (mut one, other) = pair();
        let waiting = tokio::spawn(async move {
            let ended = one.read(&mut [0; 8]).await.unwrap();
            (ended, one.write_all(&[0; 1024]).await.unwrap_err().kind())
        });
        tokio::task::yield_now().await;
        drop(other);
        assert_eq!(waiting.await.unwrap(), (0, io::ErrorKind::BrokenPipe));
    }
}
