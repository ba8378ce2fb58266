//! A connector for HTTP and REST APIs.
//!
//! An instance is one API: its base URL, how to sign in, and headers that every request
//! has. Requests stay below the base URL, and redirects on its host, so that neither an
//! input nor an answer can send the credentials elsewhere.
//!
//! | what | bound |
//! |---|---|
//! | one call, with retries and redirects | `timeout_seconds`, 30 |
//! | the body of an answer | `max_response_kib`, 10 MiB |
//! | retries of a request that may be repeated, on 429, 503 and a lost connection | `retries`, 2 |
//! | redirects | 5 |

mod failure;
mod pairs;
mod request;
mod settings;
mod target;

use outboard_sdk::{
    Value,
    connector::{Choice, Connector, Context, Fields, Operation, OperationError, Tag},
    json,
};

use self::request::{Client, Request};
pub use self::{pairs::Pairs, settings::Settings};

/// When an answer is an error of the call.
#[derive(Choice, Clone, Copy, Default, PartialEq)]
enum Expect {
    /// When its status is 400 or above.
    #[default]
    #[choice(label = "a success")]
    Success,
    /// Never: the caller looks at the status.
    #[choice(label = "any answer")]
    Any,
}

/// A request without a body.
#[derive(Fields)]
#[fields(strict)]
struct Read {
    /// Below the base URL, such as `/users/7`; or a whole URL on its host.
    path: String,
    /// What stands behind the question mark.
    #[field(kvlist = "name|value")]
    query: Pairs,
    /// More headers, for this request alone.
    #[field(kvlist = "name|value")]
    headers: Pairs,
    /// What counts as done.
    expect: Expect,
}

/// A request with a body.
#[derive(Fields)]
#[fields(strict)]
struct Write {
    /// Below the base URL, such as `/users`; or a whole URL on its host.
    path: String,
    /// What is sent.
    #[field(textarea)]
    body: String,
    /// What the body is.
    #[field(default = "application/json")]
    content_type: String,
    /// What stands behind the question mark.
    #[field(kvlist = "name|value")]
    query: Pairs,
    /// More headers, for this request alone.
    #[field(kvlist = "name|value")]
    headers: Pairs,
    /// What counts as done.
    expect: Expect,
}

/// Any request.
#[derive(Fields)]
#[fields(strict)]
struct Any {
    /// Such as `OPTIONS`.
    #[field(required, default = "GET")]
    method: String,
    /// Below the base URL, or a whole URL on its host.
    path: String,
    /// What is sent; nothing if it is empty.
    #[field(textarea)]
    body: String,
    /// What the body is.
    #[field(default = "application/json")]
    content_type: String,
    /// What stands behind the question mark.
    #[field(kvlist = "name|value")]
    query: Pairs,
    /// More headers, for this request alone.
    #[field(kvlist = "name|value")]
    headers: Pairs,
    /// What counts as done.
    expect: Expect,
}

impl Read {
    fn with(self, method: &str) -> Any {
        let Read {
            path,
            query,
            headers,
            expect,
        } = self;
        let (method, body, content_type) = (method.to_owned(), String::new(), String::new());
        Any {
            method,
            path,
            body,
            content_type,
            query,
            headers,
            expect,
        }
    }
}

impl Write {
    fn with(self, method: &str) -> Any {
        let Write {
            path,
            body,
            content_type,
            query,
            headers,
            expect,
        } = self;
        Any {
            method: method.to_owned(),
            path,
            body,
            content_type,
            query,
            headers,
            expect,
        }
    }
}

/// The connector.
pub fn connector() -> Connector<Settings> {
    let client = Client::new();
    let read = |key: &'static str, name: &str| {
        let client = client.clone();
        Operation::new(key, name, move |context: Context<Settings>, input: Read| {
            call(client.clone(), context, input.with(&key.to_uppercase()))
        })
    };
    let write = |key: &'static str, name: &str| {
        let client = client.clone();
        Operation::new(
            key,
            name,
            move |context: Context<Settings>, input: Write| {
                call(client.clone(), context, input.with(&key.to_uppercase()))
            },
        )
    };
    let any = {
        let client = client.clone();
        Operation::new(
            "request",
            "Any request",
            move |context: Context<Settings>, input: Any| call(client.clone(), context, input),
        )
    };
    let check = {
        let client = client.clone();
        Operation::new(
            "check",
            "Check",
            move |context: Context<Settings>, (): ()| {
                let input = Read {
                    path: String::new(),
                    query: Pairs::default(),
                    headers: Pairs::default(),
                    expect: Expect::Any,
                };
                call(client.clone(), context, input.with("GET"))
            },
        )
    };
    Connector::new("rest", "REST API")
        .description("Calls an HTTP API, with JSON or text, and nothing but that API.")
        .icon("🌐")
        .tag(Tag {
            name: "Development".to_owned(),
            is_filter: true,
            ..Tag::default()
        })
        .category(
            "Requests",
            "Requests below the base URL.",
            [
                documented(read("get", "Get")).description("Reads something."),
                documented(write("post", "Post")).description("Sends something new."),
                documented(write("put", "Put")).description("Puts something in a place."),
                documented(write("patch", "Patch")).description("Changes a part of something."),
                documented(read("delete", "Delete"))
                    .description("Deletes something.")
                    .destructive(),
                documented(any)
                    .description("Sends a request with any method.")
                    .destructive()
                    .quirk("It counts as destructive, because its method may be."),
            ],
        )
        .category(
            "Setup",
            "",
            [documented(check)
                .description("Reads the base URL, whatever it answers, to see whether it answers.")
                .config_only()],
        )
}

/// What all of them have in common.
fn documented(operation: Operation<Settings>) -> Operation<Settings> {
    operation
        .output_field("status", "the status code")
        .output_field("headers", "the headers, with names in lower case")
        .output_field("json", "the body, where it is JSON")
        .output_field("text", "the body, where it is other text")
        .output_field("base64", "the body, where it is no text")
        .templateable("path")
        .templateable("body")
        .pitfall("A path that leaves the base URL is refused, and so is a redirect to another host.")
        .pitfall("An answer with a status of 400 or above fails the call with the code http_status, unless expect is any.")
}

async fn call(
    client: Client,
    context: Context<Settings>,
    input: Any,
) -> Result<Value, OperationError> {
    let Any {
        method,
        path,
        body,
        content_type,
        query,
        headers,
        expect,
    } = input;
    let request = Request::new(context.settings(), &method, &path, &query, &headers)?
        .body(body, &content_type)?;
    let answer = client.send(&context, request).await?;
    if expect == Expect::Success && answer.status >= 400 {
        return Err(failure::status(answer.status, &answer.text_for_people()));
    }
    let mut result = json!({ "status": answer.status, "headers": answer.headers });
    let (kind, body) = answer.body();
    result[kind] = body;
    Ok(result)
}
