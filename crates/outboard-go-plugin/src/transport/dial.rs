//! How a channel gets a connection, and gets another when that one breaks.

use std::{fmt, future::Future, io, pin::Pin, time::Duration};

use tokio::io::{AsyncRead, AsyncWrite};

use super::Address;
#[cfg(feature = "_peer")]
use crate::tls::Tls;

/// Bytes both ways: a socket, a TLS session on one, a multiplexed stream.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

pub(crate) type BoxedIo = Box<dyn Io>;

pub(crate) type Dialing<'a> = Pin<Box<dyn Future<Output = io::Result<BoxedIo>> + Send + 'a>>;

/// Opens connections to one peer, as often as a channel needs one. Its
/// `Display` names the peer in errors.
pub(crate) trait Dial: fmt::Display + Send + Sync {
    fn dial(&self) -> Dialing<'_>;

    /// Whether what it opens is encrypted, which decides the scheme of calls.
    fn encrypted(&self) -> bool;

    /// How long one attempt may take.
    fn timeout(&self) -> Duration {
        CONNECT_TIMEOUT
    }
}

/// How long one attempt to open a connection may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Dials a socket.
pub(crate) struct SocketDial {
    pub(crate) address: Address,
    #[cfg(feature = "_peer")]
    pub(crate) tls: Option<Tls>,
}

impl fmt::Display for SocketDial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

impl Dial for SocketDial {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move {
            let connection: BoxedIo = Box::new(self.address.connect().await?);
            #[cfg(feature = "_peer")]
            if let Some(tls) = &self.tls {
                return tls.connect(connection).await;
            }
            Ok(connection)
        })
    }

    #[cfg(feature = "_peer")]
    fn encrypted(&self) -> bool {
        self.tls.is_some()
    }

    #[cfg(not(feature = "_peer"))]
    fn encrypted(&self) -> bool {
        false
    }
}
