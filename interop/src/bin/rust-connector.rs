//! The larder: the connector of the shared list of cases, built with our SDK. The module is
//! the same as that of `go/cmd/go-connector`.

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
};

use outboard_sdk::{
    Value,
    connector::{
        Connector, Context, DefaultAccess, Fields, Health, Identity, OAuth, Operation,
        OperationError, Permission, Tag, serve,
    },
    json,
};
use tokio::sync::Notify;

/// What a larder that dies ends with.
const EXIT_STATUS: i32 = 7;

#[derive(Fields)]
struct Settings {
    /// Where the jars are.
    #[field(url, required, default = "https://larder.test")]
    #[expect(dead_code, reason = "it calls nobody")]
    base_url: String,
    /// Opens them.
    #[field(secret)]
    api_key: String,
}

#[derive(Fields)]
struct Echo {
    /// Any text.
    #[field(textarea, required)]
    text: String,
    #[field(default = 1)]
    times: i64,
    #[field(default = false)]
    loud: bool,
}

#[derive(Fields)]
struct Big {
    #[field(default = 2097152)]
    bytes: u64,
}

/// The calls that waited until nobody wanted them.
static GIVEN_UP: AtomicU64 = AtomicU64::new(0);
static GAVE_UP: Notify = Notify::const_new();

async fn echo(context: Context<Settings>, input: Echo) -> Result<Value, OperationError> {
    let creds: BTreeMap<&str, &str> = ["api_key", "base_url"]
        .into_iter()
        .filter_map(|key| Some((key, context.credential(key)?)))
        .collect();
    Ok(json!({
        "args": {
            "loud": input.loud.to_string(),
            "text": input.text,
            "times": input.times.to_string(),
        },
        "creds": creds,
        "operation": context.operation(),
        "request_id": context.request_id(),
        "session_id": context.session_id(),
    }))
}

async fn big(_: Context<Settings>, input: Big) -> Result<String, OperationError> {
    let bytes = usize::try_from(input.bytes)?;
    Ok("x".repeat(bytes))
}

async fn count(context: Context<Settings>, (): ()) -> Result<u64, OperationError> {
    context.progress(3, 3, "salt");
    Ok(3)
}

async fn wipe(_: Context<Settings>, (): ()) -> Result<(), OperationError> {
    Ok(())
}

async fn fail(_: Context<Settings>, (): ()) -> Result<(), OperationError> {
    Err(OperationError::new("the shelf is empty"))
}

async fn wait(context: Context<Settings>, (): ()) -> Result<(), OperationError> {
    context.progress(0, 0, "waiting");
    context.cancelled().await;
    GIVEN_UP.fetch_add(1, Ordering::SeqCst);
    GAVE_UP.notify_waiters();
    Ok(())
}

async fn cancelled(_: Context<Settings>, (): ()) -> Result<u64, OperationError> {
    loop {
        let mut changed = std::pin::pin!(GAVE_UP.notified());
        // From here on no change is missed.
        changed.as_mut().enable();
        match GIVEN_UP.load(Ordering::SeqCst) {
            0 => changed.await,
            given_up => return Ok(given_up),
        }
    }
}

async fn die(context: Context<Settings>, (): ()) -> Result<(), OperationError> {
    context.progress(1, 2, "the last jar");
    std::process::exit(EXIT_STATUS);
}

async fn panic(_: Context<Settings>, (): ()) -> Result<(), OperationError> {
    panic!("the larder is on fire");
}

async fn permissions(context: Context<Settings>) -> Result<Vec<Permission>, OperationError> {
    let wipe = match context.settings().api_key.as_str() {
        "" => return Err(OperationError::new("there is no api_key")),
        "master" => Permission::granted("wipe"),
        _ => Permission::denied("wipe", "only the master key wipes"),
    };
    Ok(vec![Permission::granted("echo"), wipe])
}

async fn identity(token: String) -> Result<Identity, OperationError> {
    match token.as_str() {
        "good" => Ok(Identity::new("u-1", "Ada")),
        _ => Err(OperationError::new("nobody has that token")),
    }
}

fn larder(key: &str) -> Connector<Settings> {
    Connector::new(key, "Larder")
        .version("1.2.0")
        .description("Jars & <labels>, for every kind of call.")
        .icon("🫙")
        .tag(Tag {
            name: "Lab".to_owned(),
            description: "For tests.".to_owned(),
            is_group: true,
            sort_order: 7,
            ..Tag::default()
        })
        .category(
            "Jars",
            "What works.",
            [
                Operation::new("echo", "Echo", echo)
                    .description("Gives back what it got.")
                    .input_sample(r#"{"text":"hi"}"#),
                Operation::new("big", "Big", big).description("A long text."),
                Operation::new("count", "Count", count)
                    .description("Three jars, and how far it is."),
                Operation::new("wipe", "Wipe", wipe)
                    .description("Empties the larder.")
                    .destructive(),
            ],
        )
        .category(
            "Trouble",
            "What does not.",
            [
                Operation::new("fail", "Fail", fail).description("Fails."),
                Operation::new("wait", "Wait", wait)
                    .description("Waits until nobody wants the answer."),
                Operation::new("cancelled", "Cancelled", cancelled)
                    .description("How many waits nobody wanted."),
                Operation::new("die", "Die", die)
                    .description("Ends the process in the middle of an answer."),
                Operation::new("panic", "Panic", panic).description("Panics."),
            ],
        )
        .oauth(OAuth {
            authorize_url: "https://id.larder.test/authorize".to_owned(),
            token_url: "https://id.larder.test/token".to_owned(),
            extra_params: [("access_type".to_owned(), "offline".to_owned())].into(),
            scopes: "jars.read jars.write".to_owned(),
            display_name: "Larder".to_owned(),
            icon: "🔑".to_owned(),
        })
        .allow_session_config()
        .default_access(DefaultAccess {
            enable_sso: true,
            multi_account: true,
            ..DefaultAccess::default()
        })
        .identity(identity)
        .permissions(permissions)
        .health(async || Health::healthy().detail("all jars are closed"))
}

fn main() -> ExitCode {
    // A host that has several gives each a key of its own.
    let key = std::env::args().skip_while(|it| it != "--key").nth(1);
    serve(larder(key.as_deref().unwrap_or("larder")))
}
