//! A port on the loopback address, for one answer of a browser.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use super::{Callback, OAuthError, Pending};

const PATH: &str = "/callback";

/// The head of a request may have so many bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Browsers open connections that they do not use. So many are kept; a further one closes
/// the oldest.
const MAX_CONNECTIONS: usize = 16;

/// How long a connection may take to send its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the caller is asked whether it has given up.
const LOOK_UP: Duration = Duration::from_millis(100);

/// Listens on a free port of 127.0.0.1 and takes one answer, at `/callback`.
///
/// Everything else is refused: other paths, methods and hosts, and answers with another
/// state, which do not end the wait. The port is closed when this is dropped.
#[derive(Debug)]
pub struct Loopback {
    listener: TcpListener,
    address: SocketAddr,
}

impl Loopback {
    /// Opens a port.
    ///
    /// # Errors
    ///
    /// [`OAuthError::Listen`].
    pub fn bind() -> Result<Loopback, OAuthError> {
        Loopback::bind_port(0)
    }

    /// Opens that port: some services take only redirects that are registered with their
    /// port.
    ///
    /// # Errors
    ///
    /// [`OAuthError::Listen`].
    pub fn bind_port(port: u16) -> Result<Loopback, OAuthError> {
        let refused = |error: io::Error| OAuthError::Listen {
            reason: error.to_string(),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Loopback { listener, address })
    }

    /// Where the service is to send the browser.
    pub fn redirect_uri(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Waits for the answer to `pending`, until `deadline`. Blocks; `cancelled` is asked
    /// ten times a second.
    ///
    /// # Errors
    ///
    /// [`OAuthError::Expired`], [`OAuthError::Cancelled`], [`OAuthError::Listen`] when the
    /// system fails.
    pub fn wait(
        self,
        pending: &Pending,
        deadline: Instant,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Callback, OAuthError> {
        self.wait_for(&|callback| pending.is_mine(callback), deadline, cancelled)
    }

    /// The same for a sign-in that somebody else keeps: `is_mine` says which answer is the
    /// one that is waited for.
    ///
    /// # Errors
    ///
    /// As [`Loopback::wait`].
    pub fn wait_for(
        self,
        is_mine: &dyn Fn(&Callback) -> bool,
        deadline: Instant,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Callback, OAuthError> {
        let started = Instant::now();
        let mut connections: Vec<Connection> = Vec::new();
        loop {
            let now = Instant::now();
            if cancelled() {
                return Err(OAuthError::Cancelled);
            }
            if now >= deadline {
                return Err(OAuthError::Expired {
                    seconds: deadline.duration_since(started).as_secs(),
                });
            }
            let failed = |error: io::Error| OAuthError::Listen {
                reason: error.to_string(),
            };
            wait_for(&self.listener, &connections, LOOK_UP.min(deadline - now)).map_err(failed)?;
            loop {
                match self.listener.accept() {
                    Ok((stream, _)) => {
                        if connections.len() >= MAX_CONNECTIONS {
                            connections.remove(0);
                        }
                        connections.extend(Connection::new(stream));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // The browser has gone again, or files ran out for a moment.
                    Err(_) => break,
                }
            }
            let mut index = 0;
            while index < connections.len() {
                match connections[index].read() {
                    Progress::Waiting => index += 1,
                    Progress::Gone => drop(connections.remove(index)),
                    Progress::Request => {
                        let mut connection = connections.remove(index);
                        let answer = self.judge(&connection.head, is_mine);
                        connection.answer(&answer);
                        if let Answer::Done(callback) = answer {
                            return Ok(callback);
                        }
                    }
                }
            }
        }
    }

    fn judge(&self, head: &[u8], is_mine: &dyn Fn(&Callback) -> bool) -> Answer {
        let Ok(head) = std::str::from_utf8(head) else {
            return Answer::BadRequest;
        };
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Answer::BadRequest;
        };
        if !version.starts_with("HTTP/1.") {
            return Answer::BadRequest;
        }
        // Another name that leads here is the way of a foreign page.
        let mut hosts = lines
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
            .map(|(_, value)| value.trim());
        if (hosts.next(), hosts.next()) != (Some(self.address.to_string().as_str()), None) {
            return Answer::WrongHost;
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path != PATH {
            return Answer::NotFound;
        }
        if method != "GET" {
            return Answer::WrongMethod;
        }
        match Callback::parse(query) {
            Ok(callback) if is_mine(&callback) => Answer::Done(callback),
            Ok(_) => Answer::WrongState,
            Err(_) => Answer::BadRequest,
        }
    }
}

enum Answer {
    Done(Callback),
    BadRequest,
    WrongState,
    WrongHost,
    NotFound,
    WrongMethod,
}

impl Answer {
    fn status_and_text(&self) -> (&'static str, &'static str) {
        match self {
            Answer::Done(callback) if callback.answer.is_ok() => (
                "200 OK",
                "The answer has arrived. You can close this page and go back to the terminal.",
            ),
            Answer::Done(_) => (
                "200 OK",
                "You were not signed in. You can close this page; the terminal says why.",
            ),
            Answer::BadRequest => ("400 Bad Request", "This answer cannot be read."),
            Answer::WrongState => (
                "403 Forbidden",
                "This answer belongs to another sign-in. Begin again.",
            ),
            Answer::WrongHost => ("403 Forbidden", "This address is for signing in only."),
            Answer::NotFound => ("404 Not Found", "There is nothing here."),
            Answer::WrongMethod => ("405 Method Not Allowed", "There is nothing here."),
        }
    }
}

enum Progress {
    Waiting,
    Request,
    Gone,
}

struct Connection {
    stream: TcpStream,
    head: Vec<u8>,
    expires: Instant,
}

impl Connection {
    fn new(stream: TcpStream) -> Option<Connection> {
        stream.set_nonblocking(true).ok()?;
        Some(Connection {
            stream,
            head: Vec::new(),
            expires: Instant::now() + REQUEST_TIMEOUT,
        })
    }

    /// Reads what is there.
    fn read(&mut self) -> Progress {
        let mut buffer = [0; 2048];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Progress::Gone,
                Ok(count) => {
                    self.head.extend(&buffer[..count]);
                    if let Some(end) = self.head.windows(4).position(|it| it == b"\r\n\r\n") {
                        self.head.truncate(end);
                        return Progress::Request;
                    }
                    if self.head.len() > MAX_HEAD_BYTES {
                        return Progress::Gone;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return if Instant::now() < self.expires {
                        Progress::Waiting
                    } else {
                        Progress::Gone
                    };
                }
                Err(_) => return Progress::Gone,
            }
        }
    }

    /// Sends a page. Nothing that came with the request is on it.
    fn answer(&mut self, answer: &Answer) {
        let (status, text) = answer.status_and_text();
        let page = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Outboard</title>\
             <p>{text}</p></html>\n"
        );
        let allow = match answer {
            Answer::WrongMethod => "allow: GET\r\n",
            _ => "",
        };
        let text = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\n\
             content-length: {}\r\ncache-control: no-store\r\nreferrer-policy: no-referrer\r\n\
             content-security-policy: default-src 'none'\r\n\
             x-content-type-options: nosniff\r\n{allow}connection: close\r\n\r\n{page}",
            page.len()
        );
        // It fits into the socket's buffer; a browser that does not read it is no problem.
        let _ = self.stream.set_nonblocking(false);
        let _ = self.stream.set_write_timeout(Some(Duration::from_secs(1)));
        let _ = self.stream.write_all(text.as_bytes());
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

/// Waits until there is something to read, or for `timeout`.
#[cfg(unix)]
fn wait_for(
    listener: &TcpListener,
    connections: &[Connection],
    timeout: Duration,
) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut polled: Vec<PollFd<'_>> = connections
        .iter()
        .map(|connection| PollFd::new(&connection.stream, PollFlags::IN))
        .collect();
    polled.push(PollFd::new(listener, PollFlags::IN));
    let timeout = Timespec {
        tv_sec: timeout.as_secs().cast_signed(),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    match poll(&mut polled, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
fn wait_for(_: &TcpListener, _: &[Connection], timeout: Duration) -> io::Result<()> {
    std::thread::sleep(timeout.min(Duration::from_millis(20)));
    Ok(())
}
