//! A plugin that does what no plugin should, in a way that its caller chooses.
//!
//! It is a go-plugin plugin over gRPC that shares no code with ours: the handshake
//! line is a format string, messages are bytes. Without a fault that says otherwise
//! it serves health, stdio and shutdown as a plugin must, and answers any call with
//! the bytes of its request.
//!
//! A crate whose tests start it makes it a program, as an example of its own that
//! cargo builds with the tests:
//!
//! ```no_run
//! outboard_testkit::misbehaving::main();
//! ```
//!
//! and starts that with the arguments of [`arguments`]. What it made of the world
//! stands in the file it was given, as a [`Report`].

mod bytes;
mod fault;
mod output;
mod report;
mod server;
mod start;
mod tls;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

pub use self::{fault::Fault, report::Report};

/// Ends the program even if the test that started it is gone.
const LIFETIME: Duration = Duration::from_secs(120);

/// The name that a call to it may have; so may any other that is no name of
/// go-plugin's.
pub const CALL: &str = "/misbehaving.Plugin/Call";

/// The arguments with which the program misbehaves in this way and reports to
/// this file, which it makes.
pub fn arguments(fault: Fault, report: impl AsRef<Path>) -> [OsString; 2] {
    [fault.name().into(), report.as_ref().into()]
}

/// The whole program.
///
/// # Panics
///
/// When it is started without the [`arguments`], or outside a host.
pub fn main() {
    let mut given = std::env::args_os().skip(1);
    let fault = given.next().and_then(|name| name.to_str()?.parse().ok());
    let (Some(fault), Some(path)) = (fault, given.next().map(PathBuf::from)) else {
        panic!("usage: misbehaving_plugin FAULT REPORT")
    };
    std::thread::spawn(|| {
        std::thread::sleep(LIFETIME);
        std::process::exit(99);
    });
    let mut report = report::Writer::new(path);
    report.say("pid", std::process::id());
    start::run(fault, report);
}
