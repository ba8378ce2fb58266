//! Where a plugin listens, as the handshake line says it, and how to reach it.

use std::{fmt, io, net::SocketAddr, path::PathBuf, pin::Pin, task::Context, task::Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[cfg(unix)]
use super::unix_socket::UnixSocket;

/// A plugin's listening address: the third and fourth handshake fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `unix`: the path of a socket file.
    Unix(PathBuf),
    /// `tcp`: an address and a port.
    Tcp(SocketAddr),
}

impl Address {
    /// The network's name as the handshake line writes it: `unix` or `tcp`.
    pub fn network(&self) -> &'static str {
        match self {
            Address::Unix(_) => "unix",
            Address::Tcp(_) => "tcp",
        }
    }

    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// Whatever the operating system says, and [`io::ErrorKind::Unsupported`]
    /// for a Unix socket on a platform without them.
    pub async fn connect(&self) -> io::Result<Connection> {
        match self {
            #[cfg(unix)]
            Address::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await?;
                Ok(Connection(Stream::Dialed(stream)))
            }
            #[cfg(not(unix))]
            Address::Unix(_) => Err(io::Error::from(io::ErrorKind::Unsupported)),
            Address::Tcp(address) => {
                let stream = tokio::net::TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Connection(Stream::Tcp(stream)))
            }
        }
    }
}

impl fmt::Display for Address {
    /// The address alone, without its network, as the handshake line writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Unix(path) => path.display().fmt(f),
            Address::Tcp(address) => address.fmt(f),
        }
    }
}

/// An open connection to an [`Address`].
#[derive(Debug)]
pub struct Connection(Stream);

#[derive(Debug)]
enum Stream {
    /// The side that calls. What wakes it for nothing, when the peer has read its
    /// call, also has its processor awake when the answer comes: measured, that is
    /// worth more than it costs.
    #[cfg(unix)]
    Dialed(tokio::net::UnixStream),
    /// The side that answers, often many at once, and is better left alone.
    #[cfg(unix)]
    Accepted(UnixSocket),
    Tcp(tokio::net::TcpStream),
}

#[cfg(unix)]
impl TryFrom<tokio::net::UnixStream> for Connection {
    type Error = io::Error;

    /// A connection that was accepted. Fails when the operating system has no room
    /// to watch it.
    fn try_from(stream: tokio::net::UnixStream) -> io::Result<Self> {
        UnixSocket::new(stream).map(|socket| Connection(Stream::Accepted(socket)))
    }
}

impl From<tokio::net::TcpStream> for Connection {
    fn from(stream: tokio::net::TcpStream) -> Self {
        Connection(Stream::Tcp(stream))
    }
}

macro_rules! forward {
    ($self:ident, $stream:ident => $call:expr) => {
        match &mut $self.get_mut().0 {
            #[cfg(unix)]
            Stream::Dialed(inner) => {
                let $stream = Pin::new(inner);
                $call
            }
            #[cfg(unix)]
            Stream::Accepted(inner) => {
                let $stream = Pin::new(inner);
                $call
            }
            Stream::Tcp(inner) => {
                let $stream = Pin::new(inner);
                $call
            }
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        forward!(self, stream => stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        forward!(self, stream => stream.poll_write_vectored(cx, slices))
    }

    // Both kinds of socket write many slices in one system call.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_shutdown(cx))
    }
}
