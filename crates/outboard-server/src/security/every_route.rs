//! What holds of every route that the server registers, whoever adds one.

use std::{collections::BTreeSet, sync::Arc};

use axum::{Router, body::Body};
use http::{Method, Request, StatusCode, header};
use outboard_connector::host::{ConnectorHost, HostConfig};
use outboard_workflow::{engine::Engine, external::ExternalPluginManager};
use tower::ServiceExt as _;

use super::{
    Access, HostPolicy, Principal, Token, TokenRequest,
    audit::{self, AuditQuery},
    rules::{self, Needs},
};
use crate::{database::Database, server::Server};

const LOCAL: &str = "the-token";
/// Lines for what is no route of ours. A route that only they fit was forgotten.
const CATCH_ALL: [&str; 4] = ["/api/{*}", "/ui/{*}", "/manager/{*}", "/{*}"];
/// What whoever is signed in, or everybody, may change; all else needs a permission.
const OF_EVERYBODY: [&str; 6] = [
    "/api/v1/sign-in-links",
    "/ui/sign-in",
    "/ui/sign-out",
    "/ui/theme",
    "/ui/frames/{ticket}/call",
    "/ui/frames/{ticket}/renew",
];

struct Everything {
    router: Router,
    access: Access,
    _data: tempfile::TempDir,
}

impl Everything {
    fn new() -> Everything {
        let data = tempfile::tempdir().expect("a directory");
        let address = "127.0.0.1:7400".parse().expect("an address");
        let database = Database::open(&data.path().join("outboard.db")).expect("a database");
        let access = Access::builder(HostPolicy::new(address, &[]), Some(Token::new(LOCAL)))
            .database(Arc::new(database))
            .requests_per_second(100_000)
            .build()
            .expect("access");
        let host = HostConfig::new(data.path().to_owned());
        let host = ConnectorHost::open(host).expect("a host");
        let manager = ExternalPluginManager::builder(data.path().join("plugins")).build();
        let engine = Engine::builder().build().expect("an engine");
        let server = Server::builder(manager, engine, access.clone())
            .connectors(host)
            .build();
        Everything {
            router: server.router(),
            access,
            _data: data,
        }
    }

    async fn ask(&self, method: &Method, path: &str, token: &str) -> http::Response<Body> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost:7400")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty())
            .expect("a request");
        let answered = self.router.clone().oneshot(request).await;
        answered.unwrap_or_else(|never| match never {})
    }

    /// Every route with each method that it takes, as axum itself tells them.
    async fn routes(&self) -> Vec<(Method, String)> {
        let shown = format!("{:?}", self.router);
        let (_, listed) = shown.split_once("paths: {").expect("axum lists the paths");
        let paths: BTreeSet<&str> = listed
            .split('"')
            // Its own names are for what no route takes.
            .filter(|part| part.starts_with('/') && !part.contains("__private"))
            .collect();
        assert!(paths.len() > 60, "{paths:?}");
        let odd = Method::from_bytes(b"PURGE").expect("a method");
        let mut routes = Vec::new();
        for path in paths {
            let answer = self.ask(&odd, &example(path), LOCAL).await;
            let allow = match answer.headers().get(header::ALLOW) {
                Some(allow) if answer.status() == StatusCode::METHOD_NOT_ALLOWED => {
                    allow.to_str().expect("text").to_owned()
                }
                // It takes whatever comes.
                _ => "GET,POST,PUT,PATCH,DELETE".to_owned(),
            };
            for method in allow.split(',') {
                let method = method.trim().parse().expect("a method");
                routes.push((method, path.to_owned()));
            }
        }
        routes
    }
}

/// A path that a pattern fits.
fn example(pattern: &str) -> String {
    let parts = pattern.split('/').map(|part| match part {
        part if part.starts_with("{*") => "x/y",
        part if part.starts_with('{') => "x",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

#[tokio::test]
async fn every_route_has_a_line_that_says_what_it_needs() {
    let everything = Everything::new();
    let routes = everything.routes().await;
    let forgotten: Vec<_> = routes
        .iter()
        .filter(|(method, path)| {
            let pattern = rules::pattern(method, &example(path));
            pattern.is_empty() || CATCH_ALL.contains(&pattern)
        })
        .collect();
    assert!(
        forgotten.is_empty(),
        "in no line of rules.rs: {forgotten:?}"
    );
    let open: Vec<_> = routes
        .iter()
        .filter(|(method, path)| {
            let needs = rules::needed(method, &example(path));
            let anybody = matches!(needs, Needs::Nothing | Needs::SomebodyKnown);
            changes(method) && anybody && !OF_EVERYBODY.contains(&path.as_str())
        })
        .collect();
    assert!(open.is_empty(), "anybody may change these: {open:?}");
}

#[tokio::test]
async fn a_viewer_gets_403_for_each_changing_route_and_the_log_has_them_all() {
    let everything = Everything::new();
    let access = &everything.access;
    let viewer = TokenRequest {
        name: "viewer".to_owned(),
        role: super::Role::Viewer,
        permissions: Vec::new(),
        expires_in: None,
    };
    let viewer = access
        .tokens()
        .create(&viewer, &Principal::local(), access.now())
        .expect("a token");
    let routes = everything.routes().await;
    let mut expected = BTreeSet::new();
    for (method, path) in &routes {
        if !changes(method) || OF_EVERYBODY.contains(&path.as_str()) {
            continue;
        }
        let answer = everything.ask(method, &example(path), &viewer.token).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{method} {path}");
        expected.insert(format!("{method} {path}"));
    }
    assert!(expected.len() > 30, "{expected:?}");
    access.clone().record(std::future::ready(())).await;
    let query = AuditQuery {
        limit: Some(500),
        principal: Some("viewer".to_owned()),
        ..AuditQuery::default()
    };
    let database = access.audit().database().expect("a database");
    let (lines, _) = audit::page(&database, &query).expect("a page");
    let written: BTreeSet<String> = lines.into_iter().map(|line| line.action).collect();
    assert_eq!(written, expected);
}

#[tokio::test]
async fn nobody_gets_into_any_route_that_needs_somebody() {
    let everything = Everything::new();
    for (method, path) in everything.routes().await {
        let path = example(&path);
        if rules::needed(&method, &path) == Needs::Nothing {
            continue;
        }
        let answer = everything.ask(&method, &path, "").await;
        let status = answer.status();
        // Pages lead to the sign-in.
        let turned_away = status == StatusCode::UNAUTHORIZED
            || status == StatusCode::TOO_MANY_REQUESTS
            || (status == StatusCode::SEE_OTHER && path.starts_with("/ui"));
        assert!(turned_away, "{method} {path}: {status}");
    }
}
