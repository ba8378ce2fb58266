//! Being a plugin: check who started us, listen, print the handshake, serve.
//!
//! ```text
//! cookie ─ version ─ listen ─ take fd 1 over ─ handshake line ─ serve … Shutdown
//!                                                                         │
//!              exit ◂─ answer ◂──── finish stdio ◂──── hook ◂─ drain ◂────┘
//! ```
//!
//! Until the handshake line is out, standard output belongs to it alone, and
//! afterwards to the host's stdio stream: [`take_over_stdout`] moves file
//! descriptor 1 away, so that a stray `println!` cannot break a start. [`run`]
//! does that first of all; a program that prints before it calls `run`, or whose
//! libraries do, calls [`take_over_stdout`] earlier.
//! Standard error stays what it is, the log channel, and stays harmless when the
//! host is gone.

mod connections;
#[cfg(unix)]
mod host_watch;
mod housekeeping;
mod serve;
mod stderr;
mod stdout;
mod test_mode;

pub use self::{
    serve::{PluginContext, ServeConfig, ServeError, run},
    stdout::take_over_stdout,
};
pub use crate::transport::Network;
