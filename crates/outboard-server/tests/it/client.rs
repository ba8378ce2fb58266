//! A small HTTP client that shows what the server really answers.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::contract::{self, Described};

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The `kind` of a problem document.
    pub(crate) fn kind(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let json = self.json();
        assert_eq!(json["status"], self.status.as_u16(), "{self:?}");
        json["kind"].as_str().unwrap().to_owned()
    }
}

/// Where to send requests, and headers that each gets.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Client {
    pub(crate) fn with(&self, name: &'static str, value: &str) -> Client {
        let mut client = self.clone();
        client.headers.retain(|(old, _)| *old != name);
        client.headers.push((name, value.to_owned()));
        client
    }

    pub(crate) fn without(&self, name: &str) -> Client {
        let mut client = self.clone();
        client.headers.retain(|(old, _)| *old != name);
        client
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, body).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let response = self.open(method, path, body).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        if let Some(described) = contract::described(method, path) {
            described.check(head.status, &head.headers, &body);
        }
        Answer {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    /// Sends a request and leaves the body of the answer to the caller.
    pub(crate) async fn open(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> http::Response<Incoming> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        sender.send_request(request).await.unwrap()
    }

    /// Reads a stream of server-sent events.
    pub(crate) async fn follow(&self, path: &str) -> Follow {
        self.follow_as("GET", path, "").await
    }

    /// The same of what a request with a body is answered with.
    pub(crate) async fn follow_post(&self, path: &str, body: &str) -> Follow {
        self.follow_as("POST", path, body).await
    }

    async fn follow_as(&self, method: &str, path: &str, body: &str) -> Follow {
        let response = self.open(method, path, body).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Follow {
            described: contract::described(method, path),
            body: response.into_body(),
            unread: String::new(),
        }
    }
}

/// One server-sent event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SentEvent {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: Value,
}

/// A stream of events that is open.
pub(crate) struct Follow {
    described: Option<Described>,
    body: Incoming,
    unread: String,
}

impl Follow {
    /// The next event; `None` when the server has ended the stream.
    pub(crate) async fn next(&mut self) -> Option<SentEvent> {
        loop {
            if let Some((event, rest)) = self.unread.split_once("\n\n") {
                let event = parse(event);
                self.unread = rest.to_owned();
                match event {
                    Some(event) => {
                        if let Some(described) = &self.described {
                            described.check_event(&event.name, &event.data);
                        }
                        return Some(event);
                    }
                    None => continue,
                }
            }
            let frame = tokio::time::timeout(Duration::from_secs(30), self.body.frame());
            let frame = frame.await.expect("an event within 30 seconds")?.ok()?;
            let data = frame.into_data().unwrap();
            self.unread += std::str::from_utf8(&data).unwrap();
        }
    }

    /// The next event of that name, past all others.
    pub(crate) async fn until(&mut self, name: &str) -> SentEvent {
        loop {
            let event = self
                .next()
                .await
                .unwrap_or_else(|| panic!("the stream ended before {name}"));
            if event.name == name {
                return event;
            }
        }
    }
}

/// `None` for a comment, which only keeps the connection alive.
fn parse(text: &str) -> Option<SentEvent> {
    let field = |name: &str| {
        let prefix = format!("{name}: ");
        text.lines()
            .find_map(|line| line.strip_prefix(&prefix))
            .unwrap_or_default()
            .to_owned()
    };
    let data = field("data");
    (!data.is_empty()).then(|| SentEvent {
        id: field("id"),
        name: field("event"),
        data: serde_json::from_str(&data).unwrap(),
    })
}
