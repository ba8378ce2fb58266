//! gRPC over one connection: tonic's generated clients and servers, carried by
//! `h2` without the layers between.
//!
//! ```text
//! generated client ── Channel ── h2 ══ socket ══ h2 ── serve_connection ── Services ── generated server
//! ```
//!
//! A [`Channel`] is what a generated client is built on; [`serve_connection`]
//! runs [`Services`] for one accepted connection. Both are ordinary `tower`
//! services at their edges, so nothing that tonic generated needs to change.
//! Why not tonic's own transport: its client and server tasks cost as much as
//! the socket does, in hops and in writes.
//!
//! # Bounds
//!
//! | what | value |
//! |---|---|
//! | stream and connection receive window | 2 MiB |
//! | frame | 128 KiB, less its head |
//! | buffered for sending, per connection | 1 MiB |
//! | header list, so also error texts | 16 MiB |
//! | calls at once on one connection, server side | 4,096 |
//! | time without any sign of life on a call that has no deadline of its own | 60 s |

mod address;
mod authority;
mod body;
mod channel;
mod deadline;
mod dial;
mod limit;
#[cfg(feature = "_peer")]
mod listener;
mod send;
mod server;
#[cfg(test)]
mod tests;
#[cfg(unix)]
mod unix_socket;

#[cfg(feature = "_peer")]
pub use self::listener::Network;
pub use self::{
    address::{Address, Connection},
    body::IncomingBody,
    channel::{Channel, DEFAULT_IDLE_TIMEOUT, ResponseFuture},
    limit::MessageTooLarge,
    server::{InFlight, Services, serve_connection, serve_connection_until},
};
#[cfg(feature = "_peer")]
pub(crate) use self::{
    dial::{BoxedIo, CONNECT_TIMEOUT, Dial, Dialing, SocketDial},
    listener::{Listener, Sockets},
};

/// Largest message, in bytes, that Outboard's own peers send and accept: 64 MiB
/// of content, and a MiB for what is around it.
///
/// tonic's generated clients and servers take 4 MiB unless told otherwise, so
/// give them this with `max_decoding_message_size`. A Go server keeps grpc-go's
/// limit, 4 MiB too, unless its author raised it; [`MessageTooLarge`] reads what
/// it answers beyond.
pub const MAX_MESSAGE_BYTES: usize = 65 * 1024 * 1024;

const WINDOW: u32 = 2 * 1024 * 1024;
/// With its head, a frame fills eight TLS records to the last byte: were it larger,
/// those few bytes would be a record and a write of their own after every frame.
pub(crate) const FRAME: u32 = ENCRYPTED_AT_ONCE as u32 - 9;
/// As much is encrypted before any of it is written.
pub(crate) const ENCRYPTED_AT_ONCE: usize = 8 * 16 * 1024;
const SEND_BUFFER: usize = 1024 * 1024;
const HEADER_LIST: u32 = 16 * 1024 * 1024;
const CONCURRENT_STREAMS: u32 = 4096;
