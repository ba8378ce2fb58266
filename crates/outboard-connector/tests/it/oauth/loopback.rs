//! The port for the browser, against everything that is no browser.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use outboard_connector::oauth::{self, Callback, Client, Loopback, OAuthError, Pending, Provider};
use outboard_contracts::connector::module::{Module, OAuth};
use url::Url;

/// A sign-in that waits, with its port and its state.
fn waiting() -> (Loopback, Pending, String, String) {
    let module = Module {
        oauth: Some(OAuth {
            authorize_url: "https://id.example/authorize".to_owned(),
            token_url: "https://id.example/token".to_owned(),
            ..OAuth::default()
        }),
        ..Module::default()
    };
    let provider = Provider::of(&module).unwrap();
    let loopback = Loopback::bind().unwrap();
    let redirect = loopback.redirect_uri();
    let begun = oauth::begin(&provider, &Client::public("app"), &redirect).unwrap();
    let state = begun
        .authorize_url
        .query_pairs()
        .find(|(key, _)| key == "state")
        .unwrap()
        .1
        .into_owned();
    let address = Url::parse(&redirect).unwrap();
    let address = format!("127.0.0.1:{}", address.port().unwrap());
    (loopback, begun.pending, address, state)
}

fn send(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: &str, target: &str) -> String {
    send(
        address,
        &format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n"),
    )
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

fn wait(loopback: Loopback, pending: &Pending) -> Result<Callback, OAuthError> {
    loopback.wait(pending, soon(), &|| false)
}

#[test]
fn only_the_right_answer_ends_the_wait() {
    let (loopback, pending, address, state) = waiting();
    let good = format!("/callback?code=the-code&state={state}");
    thread::scope(|scope| {
        let waits = scope.spawn(|| wait(loopback, &pending));
        let host = format!("Host: {address}\r\n");
        for (request, status) in [
            (format!("GET / HTTP/1.1\r\n{host}\r\n"), 404),
            (format!("GET /favicon.ico HTTP/1.1\r\n{host}\r\n"), 404),
            (
                format!("GET /callback/?code=a&state={state} HTTP/1.1\r\n{host}\r\n"),
                404,
            ),
            (format!("POST {good} HTTP/1.1\r\n{host}\r\n"), 405),
            (format!("HEAD {good} HTTP/1.1\r\n{host}\r\n"), 405),
            (
                format!("GET {good} HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
                403,
            ),
            (
                format!("GET {good} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                403,
            ),
            (format!("GET {good} HTTP/1.1\r\n{host}{host}\r\n"), 403),
            (format!("GET {good} HTTP/1.1\r\n\r\n"), 403),
            (format!("GET {good} HTTP/2\r\n{host}\r\n"), 400),
            (format!("GET {good}\r\n{host}\r\n"), 400),
            (format!("GET /callback HTTP/1.1\r\n{host}\r\n"), 400),
            (
                format!("GET /callback?state={state} HTTP/1.1\r\n{host}\r\n"),
                400,
            ),
            (format!("GET {good}&code=b HTTP/1.1\r\n{host}\r\n"), 400),
            (
                format!("GET /callback?code=a&state=wrong HTTP/1.1\r\n{host}\r\n"),
                403,
            ),
            (
                format!("GET /callback?error=x&state=wrong HTTP/1.1\r\n{host}\r\n"),
                403,
            ),
            ("\r\n\r\n".to_owned(), 400),
        ] {
            let answer = send(&address, &request);
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{request} → {answer}"
            );
            assert!(!answer.contains("the-code"), "{answer}");
            assert!(!waits.is_finished());
        }
        let answer = get(&address, &good);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        for header in ["no-store", "no-referrer", "default-src 'none'"] {
            assert!(answer.contains(header), "{answer}");
        }
        assert!(
            !answer.contains(&state) && !answer.contains("the-code"),
            "{answer}"
        );
        let callback = waits.join().unwrap().unwrap();
        assert_eq!(callback, Callback::code("the-code", &state));
    });
    // Used once: the port is closed.
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn connections_that_say_nothing_are_in_nobodys_way() {
    let (loopback, pending, address, state) = waiting();
    thread::scope(|scope| {
        let waits = scope.spawn(|| wait(loopback, &pending));
        // Browsers open some in advance; more than are kept.
        let silent: Vec<TcpStream> = (0..40)
            .map(|_| {
                let mut stream = TcpStream::connect(&address).unwrap();
                stream.write_all(b"GET /call").unwrap();
                stream
            })
            .collect();
        let begun = Instant::now();
        let answer = get(&address, &format!("/callback?code=c&state={state}"));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(begun.elapsed() < Duration::from_secs(5));
        waits.join().unwrap().unwrap();
        drop(silent);
    });
}

#[test]
fn a_request_without_end_is_cut_off() {
    let (loopback, pending, address, state) = waiting();
    thread::scope(|scope| {
        let waits = scope.spawn(|| wait(loopback, &pending));
        let mut stream = TcpStream::connect(&address).unwrap();
        stream
            .set_write_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let line = [b'x'; 4096];
        // It is closed at 16 KiB; a megabyte would fit into no buffer of the system's alone.
        let sent = (0..4096).try_for_each(|_| stream.write_all(&line));
        assert!(sent.is_err());
        get(&address, &format!("/callback?code=c&state={state}"));
        waits.join().unwrap().unwrap();
    });
}

#[test]
fn an_error_of_the_service_ends_the_wait_too() {
    let (loopback, pending, address, state) = waiting();
    thread::scope(|scope| {
        let waits = scope.spawn(|| wait(loopback, &pending));
        let target =
            format!("/callback?error=access_denied&error_description=%3Cb%3E&state={state}");
        let answer = get(&address, &target);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains("not signed in"), "{answer}");
        assert!(!answer.contains("<b>"), "{answer}");
        waits.join().unwrap().unwrap();
    });
}

#[test]
fn a_request_in_pieces_is_put_together() {
    let (loopback, pending, address, state) = waiting();
    thread::scope(|scope| {
        let waits = scope.spawn(|| wait(loopback, &pending));
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_nodelay(true).unwrap();
        let request =
            format!("GET /callback?code=c&state={state} HTTP/1.1\r\nhost:{address}\r\n\r\n");
        for byte in request.as_bytes() {
            stream.write_all(&[*byte]).unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        waits.join().unwrap().unwrap();
    });
}

#[test]
fn a_port_that_is_taken_is_named() {
    let (loopback, ..) = waiting();
    let port = Url::parse(&loopback.redirect_uri())
        .unwrap()
        .port()
        .unwrap();
    let error = Loopback::bind_port(port).unwrap_err();
    assert!(matches!(error, OAuthError::Listen { .. }), "{error}");
    drop(loopback);
    Loopback::bind_port(port).unwrap();
}
