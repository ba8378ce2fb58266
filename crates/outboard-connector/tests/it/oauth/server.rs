//! An identity server: it checks what a real one checks, and can be told to misbehave.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

pub(super) const CLIENT_ID: &str = "app & co";
pub(super) const CLIENT_SECRET: &str = "s3cret/with+odd=chars&:%";

/// What it does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    #[default]
    None,
    /// This status, with a page.
    Status(u16),
    /// A page with status 200.
    Page,
    /// JSON without a token.
    NoToken,
    /// JSON that is no object.
    List,
    /// A token that breaks a header.
    BadToken,
    /// A megabyte, with and without a length.
    Huge,
    HugeWithoutLength,
    /// Nothing until the server ends.
    Silent,
    /// A byte now and then.
    Trickle,
    /// Elsewhere.
    Redirect,
    /// An error that repeats what was sent.
    Echo,
    /// An error with status 200.
    ErrorWithOk,
    /// The connection is closed.
    HangUp,
    /// The user says no.
    Deny,
    /// The answer has another state.
    WrongState,
}

#[derive(Default)]
pub(super) struct Rules {
    pub(super) fault: Fault,
    /// How long tokens live; nothing is said if `None`.
    pub(super) lifetime: Option<Value>,
    /// Whether there are refresh tokens.
    pub(super) refreshable: bool,
    /// Whether each renewal gives another refresh token, and takes a second use for theft.
    pub(super) rotating: bool,
    /// Client id and secret are taken in the body alone.
    pub(super) body_only: bool,
    /// Renewals wait until this is set to `false`.
    pub(super) held: bool,
}

#[derive(Default)]
struct Issued {
    /// Code, with the challenge and the redirect that it was issued for.
    codes: BTreeMap<String, (String, String)>,
    refresh: BTreeSet<String>,
    used: BTreeSet<String>,
    revoked: bool,
    number: usize,
    /// The forms that came to `/token`.
    forms: Vec<BTreeMap<String, String>>,
    authorizations: Vec<BTreeMap<String, String>>,
}

#[derive(Default)]
struct Shared {
    rules: Mutex<Rules>,
    released: Condvar,
    issued: Mutex<Issued>,
    stopped: AtomicBool,
}

pub(super) struct IdentityServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl IdentityServer {
    pub(super) fn start() -> IdentityServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        {
            let mut rules = shared.rules.lock().unwrap();
            rules.lifetime = Some(json!(3600));
            rules.refreshable = true;
            rules.rotating = true;
        }
        let serving = shared.clone();
        let thread = std::thread::spawn(move || {
            let mut connections = Vec::new();
            for stream in listener.incoming() {
                if serving.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let shared = serving.clone();
                connections.push(std::thread::spawn(move || {
                    // A peer that goes away is part of the tests.
                    let _ = shared.serve(stream.unwrap());
                }));
            }
            for connection in connections {
                connection.join().unwrap();
            }
        });
        IdentityServer {
            address,
            shared,
            thread: Some(thread),
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.shared.rules.lock().unwrap());
        self.shared.released.notify_all();
    }

    pub(super) fn fault(&self, fault: Fault) {
        self.set(|rules| rules.fault = fault);
    }

    /// No refresh token is good any more, as when the user has withdrawn what was allowed.
    pub(super) fn revoke(&self) {
        self.shared.issued.lock().unwrap().refresh.clear();
    }

    /// The forms that came to `/token`.
    pub(super) fn forms(&self) -> Vec<BTreeMap<String, String>> {
        self.shared.issued.lock().unwrap().forms.clone()
    }

    pub(super) fn renewals(&self) -> usize {
        self.forms()
            .iter()
            .filter(|form| form["grant_type"] == "refresh_token")
            .count()
    }

    pub(super) fn authorizations(&self) -> Vec<BTreeMap<String, String>> {
        self.shared.issued.lock().unwrap().authorizations.clone()
    }
}

impl Drop for IdentityServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.set(|rules| rules.held = false);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.unwrap();
            }
        }
    }
}

struct Request {
    method: String,
    target: String,
    authorization: Option<String>,
    body: String,
}

fn read(stream: &mut TcpStream) -> std::io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            count => bytes.extend(&buffer[..count]),
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let header = |name: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    };
    let length: usize = header("content-length").map_or(0, |it| it.parse().unwrap());
    while bytes.len() < head_end + length {
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            count => bytes.extend(&buffer[..count]),
        }
    }
    let mut words = head.split(' ');
    Ok(Some(Request {
        method: words.next().unwrap().to_owned(),
        target: words.next().unwrap().to_owned(),
        authorization: header("authorization"),
        body: String::from_utf8(bytes[head_end..].to_vec()).unwrap(),
    }))
}

fn form(text: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}

fn send(stream: &mut TcpStream, status: u16, more: &str, body: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} Answer\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn send_json(stream: &mut TcpStream, status: u16, body: &Value) -> std::io::Result<()> {
    send(
        stream,
        status,
        "content-type: application/json\r\n",
        &body.to_string(),
    )
}

impl Shared {
    fn fault(&self) -> Fault {
        self.rules.lock().unwrap().fault
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let Some(request) = read(&mut stream)? else {
            return Ok(());
        };
        match (
            request.method.as_str(),
            request.target.split('?').next().unwrap(),
        ) {
            ("GET", "/authorize") => self.authorize(&mut stream, &request),
            ("POST", "/token") => self.token(&mut stream, &request),
            _ => send(&mut stream, 404, "", "nothing"),
        }
    }

    fn authorize(&self, stream: &mut TcpStream, request: &Request) -> std::io::Result<()> {
        let query = form(request.target.split_once('?').unwrap().1);
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], CLIENT_ID);
        assert_eq!(query["code_challenge_method"], "S256");
        let fault = self.fault();
        let mut redirect = Url::parse(&query["redirect_uri"]).unwrap();
        let mut issued = self.issued.lock().unwrap();
        issued.number += 1;
        let code = format!("code-{}-of-the-user", issued.number);
        let issued_for = (
            query["code_challenge"].clone(),
            query["redirect_uri"].clone(),
        );
        issued.codes.insert(code.clone(), issued_for);
        let mut pairs = redirect.query_pairs_mut();
        if fault == Fault::Deny {
            pairs.append_pair("error", "access_denied");
            pairs.append_pair("error_description", "the user\r\nsaid no");
        } else {
            pairs.append_pair("code", &code);
        }
        if fault == Fault::WrongState {
            pairs.append_pair("state", "another");
        } else {
            pairs.append_pair("state", &query["state"]);
        }
        drop(pairs);
        issued.authorizations.push(query);
        drop(issued);
        send(stream, 302, &format!("location: {redirect}\r\n"), "")
    }

    fn token(&self, stream: &mut TcpStream, request: &Request) -> std::io::Result<()> {
        let sent = form(&request.body);
        self.issued.lock().unwrap().forms.push(sent.clone());
        if sent["grant_type"] == "refresh_token" {
            let rules = self.rules.lock().unwrap();
            let _rules = self.released.wait_while(rules, |rules| rules.held).unwrap();
        }
        match self.fault() {
            Fault::Status(status) => return send(stream, status, "", "<h1>no</h1>"),
            Fault::Page => return send(stream, 200, "content-type: text/html\r\n", "<h1>hi</h1>"),
            Fault::NoToken => return send_json(stream, 200, &json!({ "token_type": "bearer" })),
            Fault::List => return send_json(stream, 200, &json!(["access_token"])),
            Fault::BadToken => {
                return send_json(stream, 200, &json!({ "access_token": "a\r\nx-evil: 1" }));
            }
            Fault::Huge => {
                let huge = "x".repeat(1024 * 1024);
                return send_json(stream, 200, &json!({ "access_token": huge }));
            }
            Fault::HugeWithoutLength => {
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{{\"a\":\""
                )?;
                return stream.write_all(&vec![b'x'; 1024 * 1024]);
            }
            Fault::Silent => {
                // Until the client has gone.
                let mut byte = [0];
                let _ = stream.read(&mut byte)?;
                return Ok(());
            }
            Fault::Trickle => {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n")?;
                stream.set_read_timeout(Some(Duration::from_millis(20)))?;
                let mut byte = [0];
                // A pause that ends when the client goes.
                while !matches!(stream.read(&mut byte), Ok(0)) {
                    stream.write_all(b" ")?;
                }
                return Ok(());
            }
            Fault::Redirect => {
                return send(stream, 307, "location: /elsewhere\r\n", "");
            }
            Fault::Echo => {
                let body = json!({
                    "error": "invalid_scope",
                    "error_description": format!(
                        "I got {} and {}\u{1b}[31m {}",
                        request.body,
                        request.authorization.clone().unwrap_or_default(),
                        "long ".repeat(1000)
                    ),
                });
                return send_json(stream, 400, &body);
            }
            Fault::ErrorWithOk => {
                return send_json(stream, 200, &json!({ "error": "bad_verification_code" }));
            }
            Fault::HangUp => return Ok(()),
            Fault::None | Fault::Deny | Fault::WrongState => {}
        }
        let (status, body) = self.judge(request, &sent);
        send_json(stream, status, &body)
    }

    fn judge(&self, request: &Request, sent: &BTreeMap<String, String>) -> (u16, Value) {
        let rules = self.rules.lock().unwrap();
        let mut issued = self.issued.lock().unwrap();
        let text = |key: &str| sent.get(key).map_or("", String::as_str);
        let encode =
            |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
        let basic = STANDARD.encode(format!("{}:{}", encode(CLIENT_ID), encode(CLIENT_SECRET)));
        let known = match &request.authorization {
            // One way and not both: RFC 6749, section 2.3.
            Some(header) => {
                !rules.body_only
                    && *header == format!("Basic {basic}")
                    && !sent.contains_key("client_secret")
            }
            None => text("client_id") == CLIENT_ID && text("client_secret") == CLIENT_SECRET,
        };
        if !known {
            return (401, json!({ "error": "invalid_client" }));
        }
        let invalid = |why: &str| {
            (
                400,
                json!({ "error": "invalid_grant", "error_description": why }),
            )
        };
        match text("grant_type") {
            "authorization_code" => {
                let Some((challenge, redirect)) = issued.codes.remove(text("code")) else {
                    return invalid("no such code");
                };
                let digest =
                    ring::digest::digest(&ring::digest::SHA256, text("code_verifier").as_bytes());
                if URL_SAFE_NO_PAD.encode(digest) != challenge {
                    return invalid("the verifier does not fit");
                }
                if text("redirect_uri") != redirect {
                    return invalid("the redirect differs");
                }
            }
            "refresh_token" => {
                let refresh = text("refresh_token").to_owned();
                if issued.used.contains(&refresh) {
                    // Somebody has stolen it: RFC 9700, section 4.14.2.
                    issued.revoked = true;
                    return invalid("used twice");
                }
                if issued.revoked || !issued.refresh.contains(&refresh) {
                    return invalid("the refresh token is good no more");
                }
                if rules.rotating {
                    issued.refresh.remove(&refresh);
                    issued.used.insert(refresh);
                }
            }
            other => {
                return (
                    400,
                    json!({ "error": "unsupported_grant_type", "got": other }),
                );
            }
        }
        issued.number += 1;
        let number = issued.number;
        let mut body = json!({
            "access_token": format!("access-token-{number}"),
            "token_type": "Bearer",
            "scope": "read",
        });
        if let Some(lifetime) = &rules.lifetime {
            body["expires_in"] = lifetime.clone();
        }
        let renewal = text("grant_type") == "refresh_token";
        if rules.refreshable && (rules.rotating || !renewal) {
            let refresh = format!("refresh-token-{number}");
            issued.refresh.insert(refresh.clone());
            body["refresh_token"] = json!(refresh);
        }
        (200, body)
    }
}
