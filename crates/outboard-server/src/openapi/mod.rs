//! The document of the whole API, as OpenAPI 3.1: `GET /openapi.json`.
//!
//! Routes are described beside where they are made, in the `describe.rs` of their
//! component, with the schemas of the very types that they answer with. Nothing checks
//! that when a route is made; tests do it for all of them at once: that the routes of a
//! server are those described here, no more and no less, and that each answer that any
//! test of the server sees is one that its description allows.
//!
//! What a route needs of its caller is not described but taken from the table that
//! decides it, see [`crate::security`].

mod document;
mod operation;
mod service;

use std::sync::LazyLock;

use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};
use serde_json::Value;

use self::document::Tag;
pub(crate) use self::operation::{Failures, Operation, SchemaOf, schema_of};
use crate::{
    connectors, native, overview, plugins, processes, security, stats, ui_plugins, workflow,
};

const ABOUT: &str = "The HTTP API of Outboard: plugins, connectors, pipelines and runs.\n\n\
    `HEAD` works wherever `GET` does. `x-permission` is what a caller must be permitted: \
    `none` of it, `any` who is known, `admin`, or a permission. Failures are problem details \
    (RFC 9457) whose `kind` programs branch on; a few routes have the words of the servers \
    that they come from. Answers carry `X-Request-Id`.";

const TAGS: &[Tag] = &[
    Tag {
        name: "plugins",
        description: "Plugins in processes of their own.",
    },
    Tag {
        name: "pipelines",
        description: "Pipelines of the workflow file, and their runs.",
    },
    Tag {
        name: "connectors",
        description: "Connectors of all kinds: install, configure, call.",
    },
    Tag {
        name: "tools",
        description: "The same for tools alone.",
    },
    Tag {
        name: "jobs",
        description: "The same for jobs alone.",
    },
    Tag {
        name: "manager",
        description: "The routes of the server that connectors come from, for its clients.",
    },
    Tag {
        name: "UI plugins",
        description: "Plugins that add pages to the admin UI.",
    },
    Tag {
        name: "plugins of the host",
        description: "Plugins of the server's own process.",
    },
    Tag {
        name: "access",
        description: "Who may what, and who changed what.",
    },
    Tag {
        name: "server",
        description: "The server itself.",
    },
];

/// All routes of the API.
fn operations() -> Vec<Operation> {
    [
        vec![
            processes::operation(),
            stats::operation(),
            overview::operation(),
        ],
        plugins::operations(),
        ui_plugins::operations(),
        native::operations(),
        workflow::operations(),
        connectors::operations(),
        security::operations(),
        service::operations(),
    ]
    .concat()
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| document::of(&operations(), TAGS, ABOUT));
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = serde_json::to_string_pretty(&*DOCUMENT).unwrap_or_default();
    text.push('\n');
    text
});

/// The document that `GET /openapi.json` answers with.
pub fn api_document() -> &'static Value {
    &DOCUMENT
}

/// `GET /openapi.json`
pub(crate) async fn answer() -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], TEXT.as_str()).into_response()
}
