//! Tokens, sessions, limits and the audit log, over a database of the test's own and a
//! clock that the test moves.

mod audit;
mod limits;
mod sessions;
mod tls;
mod tokens;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::Timestamp;
use outboard_server::{Access, AccessBuilder, Database, ServerBuilder, Token};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{Answer, Client},
    support::{Plugins, Running, TOKEN},
};

/// A server with everything that keeps people out.
struct Guarded {
    running: Running,
    clock: Arc<AtomicI64>,
    data: TempDir,
}

/// A browser that signed in, and what its pages' forms have in them.
struct Browser {
    client: Client,
    csrf: String,
}

impl Guarded {
    async fn start() -> Guarded {
        Guarded::start_with(Plugins::new(), |access| access).await
    }

    async fn start_with(
        plugins: Plugins,
        settings: impl FnOnce(AccessBuilder) -> AccessBuilder,
    ) -> Guarded {
        let data = tempfile::tempdir().unwrap();
        let now = Timestamp::now().as_millisecond();
        let clock = Arc::new(AtomicI64::new(now));
        let server = |server| server;
        let running = start(plugins, &data, &clock, settings, server).await;
        Guarded {
            running,
            clock,
            data,
        }
    }

    /// Another server on the same data.
    async fn restart(self) -> Guarded {
        let Guarded {
            running,
            clock,
            data,
        } = self;
        running.stop().await;
        let plugins = Plugins::new();
        let running = start(plugins, &data, &clock, |access| access, |server| server).await;
        Guarded {
            running,
            clock,
            data,
        }
    }

    async fn stop(self) {
        self.running.stop().await;
    }

    fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Whoever has the token of `server.json`.
    fn local(&self) -> &Client {
        &self.running.client
    }

    fn stranger(&self) -> Client {
        self.running.client.without("authorization")
    }

    fn bearer(&self, token: &str) -> Client {
        self.local()
            .with("authorization", &format!("Bearer {token}"))
    }

    /// Makes a token.
    async fn token(&self, wanted: &Value) -> String {
        let answer = json_post(self.local(), "/api/v1/tokens", wanted).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    async fn with_role(&self, role: &str) -> Client {
        let token = self.token(&json!({ "name": role, "role": role })).await;
        self.bearer(&token)
    }

    /// Signs a browser in with a token.
    async fn browser(&self, token: &str) -> Browser {
        let answer = sign_in(&self.stranger(), token, "/ui/").await;
        assert_eq!(answer.status, 303, "{answer:?}");
        self.browser_of(&answer).await
    }

    /// The browser that an answer has signed in.
    async fn browser_of(&self, answer: &Answer) -> Browser {
        let set = answer.header("set-cookie").unwrap();
        let cookie = set.split(';').next().unwrap();
        let client = self.stranger().with("cookie", cookie);
        let page = client.with("accept", "text/html").get("/ui/").await;
        assert_eq!(page.status, 200, "{page:?}");
        let (_, rest) = page.body.split_once("name=\"csrf\" value=\"").unwrap();
        let csrf = rest.split('"').next().unwrap().to_owned();
        assert_eq!(csrf.len(), 43);
        Browser { client, csrf }
    }

    /// Lines of the audit log, the newest first: who, how, what, to what, answered with.
    async fn audit(&self) -> Vec<String> {
        let answer = self.local().get("/api/v1/audit?limit=500").await;
        let text = |line: &Value, field: &str| line[field].as_str().unwrap().to_owned();
        let entries = answer.json()["entries"].as_array().unwrap().clone();
        let line = |entry: &Value| {
            format!(
                "{} {} {} {} {}",
                text(entry, "name"),
                text(entry, "via"),
                text(entry, "action"),
                text(entry, "target"),
                entry["status"]
            )
        };
        entries.iter().map(line).collect()
    }
}

async fn start(
    plugins: Plugins,
    data: &TempDir,
    clock: &Arc<AtomicI64>,
    access: impl FnOnce(AccessBuilder) -> AccessBuilder,
    server: impl FnOnce(ServerBuilder) -> ServerBuilder,
) -> Running {
    let database = Database::open(&data.path().join("outboard.db")).unwrap();
    let clock = Arc::clone(clock);
    let now = move || Timestamp::from_millisecond(clock.load(Ordering::SeqCst)).unwrap();
    let guard = |hosts| {
        let builder = Access::builder(hosts, Some(Token::new(TOKEN)));
        let builder = builder.database(Arc::new(database)).clock(now);
        access(builder).build().unwrap()
    };
    Running::start_guarded(plugins, guard, server).await
}

async fn json_post(client: &Client, path: &str, body: &Value) -> Answer {
    client
        .with("content-type", "application/json")
        .post(path, &body.to_string())
        .await
}

async fn form_post(client: &Client, path: &str, body: &str) -> Answer {
    client
        .with("content-type", "application/x-www-form-urlencoded")
        .post(path, body)
        .await
}

async fn sign_in(client: &Client, token: &str, next: &str) -> Answer {
    form_post(client, "/ui/sign-in", &format!("token={token}&next={next}")).await
}

/// The status and the kind of a problem.
fn problem(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.kind())
}
