//! What the plugin writes, past the buffers and locks of `println!`.

use std::{
    io::{self, Write as _},
    thread,
};

use super::fault::Fault;

/// Writes to file descriptor 1 and gives up when nobody reads any more.
pub(super) fn print(bytes: &[u8]) -> io::Result<()> {
    all(rustix::stdio::stdout(), bytes)
}

pub(super) fn log(bytes: &[u8]) -> io::Result<()> {
    all(rustix::stdio::stderr(), bytes)
}

fn all(to: rustix::fd::BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The faults of a plugin that otherwise serves, once the handshake is out.
pub(super) fn misbehave(fault: Fault) {
    match fault {
        Fault::LongLogLine => {
            // Whoever reads slowly must not keep the plugin from serving.
            thread::spawn(|| {
                let mut line = vec![b'x'; 10_000_000];
                line.extend_from_slice(b"\n[INFO] after the long line\n");
                log(&line)
            });
        }
        Fault::FloodsOutput => {
            let lines = "a line of a flood that nobody wants to read\n".repeat(1000);
            for write in [print, log] {
                let lines = lines.clone();
                thread::spawn(move || while write(lines.as_bytes()).is_ok() {});
            }
        }
        Fault::BinaryLogLines => {
            let lines: [&[u8]; 9] = [
                br#"{"@message":5}"#,
                br#"{"@level":["info"],"@message":"level"}"#,
                br#"{"@level":"info","@message":{"a":1},"@timestamp":7}"#,
                br#"{"@level":"info","@message":"stamp","@timestamp":"yesterday"}"#,
                br#"{"@level":"info","#,
                br#"[[[[[[[[[[[[[[[["#,
                b"\xff\xfe\x00\x01 no text \x80",
                b"\x1b[31mred\x1b[0m \r and back",
                b"[INFO] after the binary lines",
            ];
            for line in lines {
                let _ = log(line);
                let _ = log(b"\n");
            }
        }
        _ => {}
    }
    let _ = io::stderr().flush();
}
