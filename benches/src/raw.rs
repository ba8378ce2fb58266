//! The floor below every figure: 100 bytes there and back between two processes on
//! a unix socket, pinned to two processors, with nothing in between.
//!
//! Unpinned, the kernel puts both on one processor or on two as it likes, and the
//! figure is several times larger in one case than in the other.

use std::{
    error::Error,
    io::{Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::{Command, ExitCode},
    time::Instant,
};

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::report::median_of;

/// The argument that makes this program the other end.
pub(crate) const PEER: &str = "--raw-peer";

const BYTES: usize = 100;

/// The median round trip in microseconds. Needs two processors.
pub(crate) fn measure(trips: usize) -> Result<f64, Box<dyn Error + Send + Sync>> {
    // A thread of its own, because being pinned does not wear off.
    let measured = std::thread::spawn(move || ping(trips).map_err(|error| error.to_string()));
    let micros = measured
        .join()
        .map_err(|_| "the raw measurement panicked")??;
    Ok(micros)
}

fn ping(trips: usize) -> Result<f64, Box<dyn Error + Send + Sync>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("raw");
    let listener = UnixListener::bind(&path)?;
    let mut peer = Command::new(std::env::current_exe()?)
        .arg(PEER)
        .arg(&path)
        .spawn()?;
    let (mut stream, _) = listener.accept()?;
    pin(0)?;
    let mut buffer = [0; BYTES];
    let mut times = Vec::with_capacity(trips);
    for _ in 0..trips {
        let begun = Instant::now();
        stream.write_all(&buffer)?;
        stream.read_exact(&mut buffer)?;
        times.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    drop(stream);
    peer.wait()?;
    Ok(median_of(times))
}

/// The other end: sends back what comes until the stream ends.
pub(crate) fn peer(path: &Path) -> ExitCode {
    let echo = || -> std::io::Result<()> {
        pin(1)?;
        let mut stream = UnixStream::connect(path)?;
        let mut buffer = [0; BYTES];
        while stream.read_exact(&mut buffer).is_ok() {
            stream.write_all(&buffer)?;
        }
        Ok(())
    };
    match echo() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{PEER}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Keeps this thread on one processor.
fn pin(processor: usize) -> std::io::Result<()> {
    let mut set = CpuSet::new();
    set.set(processor);
    Ok(sched_setaffinity(None, &set)?)
}
