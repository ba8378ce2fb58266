//! One HTTP request at a time over a plain TCP stream: enough for a demo, and
//! nothing to compile.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use super::interrupt::Interrupt;
use crate::Result;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a wait looks whether it is still wanted.
const GLANCE: Duration = Duration::from_millis(100);

/// A status and a body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Sends a request and waits for the answer. HTTP/1.0, so that the body ends where
/// the connection does.
///
/// # Errors
///
/// When nobody listens, no answer comes in time, it is no HTTP, or the demo was
/// interrupted.
pub(super) fn request(
    server: SocketAddr,
    token: &str,
    method: &str,
    path: &str,
    json: Option<&str>,
    interrupt: &Interrupt,
) -> Result<Answer> {
    let body = json.unwrap_or_default();
    let mut head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {server}\r\nAccept: application/json\r\n\
                 Authorization: Bearer {token}\r\n"
    );
    if json.is_some() {
        head += &format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        );
    }
    let mut stream = TcpStream::connect_timeout(&server, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(GLANCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
    let mut received = Vec::new();
    let mut buffer = [0; 16 * 1024];
    let until = Instant::now() + PATIENCE;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => received.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                interrupt.check()?;
                if Instant::now() > until {
                    return Err(format!("{method} {path}: no answer within {PATIENCE:?}").into());
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("{method} {path}: {error}").into()),
        }
    }
    parse(&received).ok_or_else(|| format!("{method} {path}: the answer is no HTTP").into())
}

fn parse(received: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(received);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head
        .strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .parse()
        .ok()?;
    Some(Answer {
        status,
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_and_what_follows_the_empty_line() {
        let answer = parse(b"HTTP/1.0 404 Not Found\r\nContent-Type: a\r\n\r\n{}\r\n\r\n").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (404, "{}\r\n\r\n"));
        assert!(parse(b"").is_none());
        assert!(parse(b"SSH-2.0-x\r\n\r\n").is_none());
    }
}
