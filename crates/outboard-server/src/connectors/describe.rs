//! The routes of connectors, tools and jobs, as the document of the API describes them.

use http::Method;
use outboard_connector::{
    download::Progress,
    host::{
        CallAnswer, CallProgress, CallRequest, Description, HistoryPage, InstallOptions,
        InstallOutcome, InstanceChange, InstanceView, Review, SearchAnswer, SignIn, Summary,
    },
};
use schemars::{JsonSchema as _, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{
    CALLBACK, OF_KIND, PREFIX,
    install::RollbackTo,
    installed::{Health, Log, Permissions, SummaryPage},
    instances::InstancePage,
    sign_in::{Begin, Finish},
};
use crate::{
    http::ProblemDocument,
    openapi::{Failures, Operation, schema_of},
    plugins::flag,
};

/// A connector's key.
pub(super) const KEY: &str = "^[a-z0-9_]{1,64}$";
/// What a failure of the machine or of the server's own files is.
const OURS: &[&str] = &["state", "internal"];

/// The lines of a connector's log.
pub(super) fn log_lines(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "at": { "type": "string", "format": "date-time" },
                "pid": { "type": "integer", "minimum": 0 },
                "level": { "enum": ["trace", "debug", "info", "warn", "error"] },
                "message": { "type": "string" },
                "module": { "type": "string" },
                "fields": {},
            },
            "required": ["at", "pid", "level", "message"],
            "additionalProperties": false,
        },
    })
}

/// What to install: one source, and options beside it.
fn install_body(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = InstallOptions::json_schema(generator);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (word, what) in [
            ("name", "A key in the catalogs."),
            ("url", "An archive on the web."),
            (
                "path",
                "A directory or an archive on the server's machine; absolute.",
            ),
        ] {
            let text = json!({ "type": "string", "description": what });
            properties.insert(word.to_owned(), text);
        }
    }
    schema.insert(
        "oneOf".to_owned(),
        json!([{ "required": ["name"] }, { "required": ["url"] }, { "required": ["path"] }]),
    );
    schema.insert(
        "description".to_owned(),
        "Exactly one of `name`, `url` and `path`, and options.".into(),
    );
    schema
}

/// The routes of one prefix.
struct Described {
    prefix: &'static str,
    tag: &'static str,
    /// `Connector`, for the ids of operations.
    one: &'static str,
}

impl Described {
    fn route(
        &self,
        method: Method,
        path: &str,
        id: (&str, &str),
        summary: &'static str,
    ) -> Operation {
        let path = format!("{}{path}", self.prefix);
        let id = format!("{}{}{}", id.0, self.one, id.1);
        // Where a server has no connectors, each of these says so.
        Operation::new(method, path, id, self.tag, summary)
            .fails(404, &["not_found"])
            .fails(500, OURS)
    }

    /// A route of one connector.
    fn of_one(
        &self,
        method: Method,
        path: &str,
        id: (&str, &str),
        summary: &'static str,
    ) -> Operation {
        let schema = json!({ "type": "string", "pattern": KEY });
        self.route(method, &format!("/{{key}}{path}"), id, summary)
            .path("key", schema, "The connector's key.", "weather")
            .fails(400, &["invalid_name"])
            .fails(404, &["not_found"])
    }

    fn of_instance(
        &self,
        method: Method,
        path: &str,
        id: (&str, &str),
        summary: &'static str,
    ) -> Operation {
        let path = format!("/instances/{{instance}}{path}");
        self.of_one(method, &path, id, summary).path(
            "instance",
            json!({ "type": "string" }),
            "The instance's name or id.",
            "default",
        )
    }

    fn switch(&self, path: &str, verb: &str, summary: &'static str) -> Operation {
        self.of_one(Method::POST, path, (verb, ""), summary)
            .answers(
                200,
                "As it is now.",
                schema_of::<Summary>,
                summary_example(),
            )
            .fails(409, &["conflict"])
    }

    fn operations(&self) -> Vec<Operation> {
        let list = self.route(Method::GET, "", ("list", "s"), "What is installed");
        let kinds = match self.one {
            "Connector" => json!({
                "type": "string", "enum": ["connector", "tool", "job", "all"],
                "default": "connector",
            }),
            one => json!({ "type": "string", "enum": [one.to_lowercase()] }),
        };
        let mut all =
            vec![
            list.about("Sorted by key, and without starting anything.")
                .query("kind", kinds, "Of which kind.")
                .query("tag", text(), "A word that they are filed under.")
                .query("q", text(), "A part of the key, the name or the description.")
                .paged("The value of `next_cursor`, to get the rest.")
                .answers(
                    200,
                    "What cannot be used is there too, with a `problem`.",
                    schema_of::<SummaryPage>,
                    json!({ "connectors": [summary_example()] }),
                ),
            self.route(Method::GET, "/catalog", ("search", "Catalog"), "What the catalogs have")
                .query("q", text(), "A part of the key, the name or the description.")
                .answers(200, "What was found.", schema_of::<SearchAnswer>, catalog_example())
                .fails(502, &["download"]),
            self.history(),
            self.install(),
            self.review(),
            self.of_one(Method::GET, "", ("get", ""), "Everything about one")
                .answers(200, "It.", schema_of::<Description>, description_example()),
            self.of_one(Method::DELETE, "", ("remove", ""), "Removes one")
                .query("purge", flag(), "Whether its instances and history go too.")
                .answers(200, "It is gone.", schema_of::<InstallOutcome>, json!({
                    "key": "weather", "version": "0.1.0", "action": "removed", "signed": "none",
                    "source": "",
                }))
                .fails(409, &["conflict", "in_use"]),
            self.update(),
            self.of_one(
                Method::POST,
                "/rollback",
                ("rollback", ""),
                "Makes the version before current again",
            )
            .may_take(
                schema_of::<RollbackTo>,
                "Which version, if not the one before.",
                json!({ "version": "0.1.0" }),
            )
            .answers(200, "It is current.", schema_of::<InstallOutcome>, outcome_example())
            .fails(400, &["bad_input"])
            .fails(403, &["refused"])
            .fails(409, &["conflict"])
            .fails(422, &["unusable"]),
            self.switch("/enable", "enable", "Lets it be called"),
            self.switch("/disable", "disable", "Lets it be called no more"),
            self.switch("/verify", "verify", "Verifies what is installed again")
                .fails(403, &["refused"])
                .fails(422, &["unusable"]),
        ];
        all.extend(self.questions());
        all.extend(self.instances());
        all.push(self.call());
        all
    }

    fn history(&self) -> Operation {
        self.route(
            Method::GET,
            "/history",
            ("list", "Calls"),
            "Calls that were made, newest first",
        )
        .about("Of all kinds on each of the three prefixes; never input, config or result.")
        .query("key", text(), "Of this connector.")
        .query("operation", text(), "Of this operation.")
        .query(
            "outcome",
            text(),
            "With this outcome: `ok`, `operation_error`, `refused` …; `failed` is any failure.",
        )
        .query("q", text(), "With this in one of its texts, in any case.")
        .query(
            "caller",
            text(),
            "By this caller: `http`, `cli`, `pipeline NAME`.",
        )
        .paged("The value of `next_cursor`, to get the rest.")
        .answers(
            200,
            "A page of them.",
            schema_of::<HistoryPage>,
            json!({ "calls": [{
                "id": "1", "started_at": "2026-11-25T07:04:56.256Z", "duration_ms": 863,
                "connector": "weather", "version": "0.1.0", "operation": "forecast",
                "instance": "default", "caller": "http", "request_id": "790a56ce4d854b71",
                "outcome": "ok", "result_bytes": 79,
            }] }),
        )
        .fails(422, &["invalid_input"])
    }

    fn install(&self) -> Operation {
        self.route(
            Method::POST,
            "/install",
            ("install", ""),
            "Installs a package",
        )
        .about("With `Accept: text/event-stream` it tells its progress.")
        .takes(
            install_body,
            "Where the package is, and how to install it.",
            json!({ "name": "weather" }),
        )
        .answers(
            200,
            "What it did.",
            schema_of::<InstallOutcome>,
            outcome_example(),
        )
        .streams("", &install_events(), INSTALL_EVENTS)
        .fails(400, &["bad_input", "invalid_name"])
        .fails(403, &["refused"])
        .fails(404, &["not_found"])
        .fails(409, &["conflict"])
        .fails(413, &["too_large"])
        .fails(422, &["unusable", "invalid_input"])
        .fails(502, &["download", "misbehaved"])
        .fails(504, &["deadline"])
    }

    fn review(&self) -> Operation {
        let rights = |destructive: &[&str]| {
            json!({
                "destructive": destructive, "secrets": [], "variables": [], "scopes": [],
                "sign_in": [],
            })
        };
        self.route(
            Method::POST,
            "/install/review",
            ("review", "Install"),
            "What an installation would bring",
        )
        .about("Gets the package and judges it, and installs nothing.")
        .takes(
            install_body,
            "As for an installation.",
            json!({ "name": "weather" }),
        )
        .answers(
            200,
            "`refusal` says why an installation would be refused, if it would.",
            schema_of::<Review>,
            json!({
                "key": "weather", "name": "Weather", "kind": "connector", "version": "0.2.0",
                "description": "Forecasts from the weather service", "installed": "0.1.0",
                "signed": "none", "unsigned": false, "older": false,
                "source": "/home/me/weather/dist/weather",
                "operations": ["forecast", "station_delete"],
                "rights": rights(&["station_delete"]),
                "changes": {
                    "operations_added": ["station_delete"], "operations_removed": [],
                    "operations_changed": [],
                    "config": { "added": [], "removed": [], "now_required": [], "other_type": [] },
                    "rights_added": rights(&["station_delete"]), "rights_removed": rights(&[]),
                },
            }),
        )
        .fails(400, &["bad_input", "invalid_name"])
        .fails(403, &["refused"])
        .fails(409, &["conflict"])
        .fails(422, &["unusable", "invalid_input"])
        .fails(502, &["download", "misbehaved"])
        .fails(504, &["deadline"])
    }

    fn update(&self) -> Operation {
        self.of_one(
            Method::POST,
            "/update",
            ("update", ""),
            "Installs the newest version of the catalogs",
        )
        .about("With `Accept: text/event-stream` it tells its progress.")
        .may_take(schema_of::<InstallOptions>, "How to install it.", json!({}))
        .answers(
            200,
            "What it did.",
            schema_of::<InstallOutcome>,
            outcome_example(),
        )
        .streams("", &install_events(), INSTALL_EVENTS)
        .fails(400, &["bad_input"])
        .fails(403, &["refused"])
        .fails(409, &["conflict"])
        .fails(422, &["unusable", "invalid_input"])
        .fails(502, &["download", "misbehaved"])
        .fails(504, &["deadline"])
    }

    /// What a connector is asked about itself.
    fn questions(&self) -> [Operation; 3] {
        [
            started(self.of_one(
                Method::GET,
                "/health",
                ("check", "Health"),
                "Asks it whether it works",
            ))
            .about("Starts it if it does not run.")
            .answers(
                200,
                "What it said.",
                schema_of::<Health>,
                json!({ "healthy": true, "detail": "" }),
            ),
            started(self.of_one(
                Method::GET,
                "/permissions",
                ("get", "Permissions"),
                "Which operations its credentials permit",
            ))
            .about("Starts it if it does not run.")
            .query("instance", text(), "Whose credentials, by name or id.")
            .answers(
                200,
                "What it said.",
                schema_of::<Permissions>,
                json!({ "operations": [{ "key": "forecast", "ok": true, "reason": "" }] }),
            ),
            self.of_one(Method::GET, "/logs", ("get", "Logs"), "Its last lines")
                .query(
                    "lines",
                    json!({ "type": "integer", "minimum": 0, "default": 100 }),
                    "How many of the last lines.",
                )
                .answers(
                    200,
                    "The lines, oldest first.",
                    schema_of::<Log>,
                    json!({ "key": "weather", "lines": [{
                        "at": "2026-11-25T06:59:59.458508142Z", "level": "info", "pid": 13130,
                        "message": "forecast: asking for a forecast: city=Bern",
                    }] }),
                ),
        ]
    }

    fn instances(&self) -> [Operation; 7] {
        let change = json!({ "name": "default", "config": { "api_key": "swordfish" } });
        [
            self.of_one(
                Method::GET,
                "/instances",
                ("list", "Instances"),
                "Its instances",
            )
            .paged("The value of `next_cursor`, to get the rest.")
            .answers(
                200,
                "Sorted by name; secrets that are set read as eight bullets.",
                schema_of::<InstancePage>,
                json!({ "instances": [instance_example()] }),
            ),
            self.of_one(
                Method::POST,
                "/instances",
                ("create", "Instance"),
                "Makes an instance",
            )
            .may_take(
                schema_of::<InstanceChange>,
                "Its name and config.",
                change.clone(),
            )
            .answers(201, "It.", schema_of::<InstanceView>, instance_example())
            .with_header("Location", "Where it is.")
            .fails(400, &["bad_input"])
            .fails(409, &["conflict"])
            .fails(422, &["invalid_input", "unusable"]),
            self.of_instance(Method::GET, "", ("get", "Instance"), "One instance")
                .answers(200, "It.", schema_of::<InstanceView>, instance_example()),
            self.of_instance(
                Method::PATCH,
                "",
                ("change", "Instance"),
                "Changes an instance",
            )
            .about(
                "A secret that comes back as eight bullets stays as it is; `null` clears a \
                     value.",
            )
            .may_take(schema_of::<InstanceChange>, "What to change.", change)
            .answers(
                200,
                "As it is now.",
                schema_of::<InstanceView>,
                instance_example(),
            )
            .fails(400, &["bad_input"])
            .fails(409, &["conflict"])
            .fails(422, &["invalid_input", "unusable"]),
            self.of_instance(
                Method::DELETE,
                "",
                ("delete", "Instance"),
                "Deletes an instance",
            )
            .answers_nothing(204, "It is gone.")
            .fails(409, &["conflict"]),
            self.of_instance(
                Method::POST,
                "/sign-in",
                ("begin", "SignIn"),
                "Where to send a user who is to sign in",
            )
            .may_take(
                schema_of::<Begin>,
                "Where the browser comes back to, if not to this server.",
                json!({ "redirect_uri": "https://app.example.org/back" }),
            )
            .answers(
                200,
                "Send the user's browser there.",
                schema_of::<SignIn>,
                json!({
                    "authorize_url": "https://id.example.org/authorize?client_id=1&state=x",
                    "expires_in_seconds": 600,
                }),
            )
            .fails(400, &["bad_input"])
            .fails(409, &["conflict", "disabled"])
            .fails(422, &["invalid_input", "not_configured", "unusable"])
            .fails(502, &["download", "misbehaved"]),
            signed_in(self.route(
                Method::POST,
                "/oauth/finish",
                ("finish", "SignIn"),
                "Ends a sign-in with what the browser brought",
            ))
            .takes(
                schema_of::<Finish>,
                "The query with which the browser came back.",
                json!({ "query": "code=x&state=y" }),
            )
            .answers(
                200,
                "Who signed in is in it.",
                schema_of::<InstanceView>,
                instance_example(),
            ),
        ]
    }

    fn call(&self) -> Operation {
        started(self.of_one(
            Method::POST,
            "/operations/{operation}",
            ("call", "Operation"),
            "Calls an operation",
        ))
        .about(
            "Status 424 is the operation's own failure: the request was in order and so was the \
             connector. With `Accept: text/event-stream` the answer tells its progress; a \
             failure before the first event has a status of its own. A client that goes away \
             cancels its call.",
        )
        .path("operation", text(), "The operation's key.", "forecast")
        .may_take(
            schema_of::<CallRequest>,
            "What the operation takes, and whose config is used. At most 64 MiB.",
            json!({ "input": { "city": "Bern" } }),
        )
        .answers(
            200,
            "What the operation gave.",
            schema_of::<CallAnswer>,
            json!({
                "result": { "city": "Bern", "days": [{ "day": "Monday", "high": 21 }] },
                "duration_ms": 934, "version": "0.1.0", "request_id": "2ce4f14ca3a562d8",
            }),
        )
        .streams(
            "",
            &[
                ("progress", schema_of::<CallProgress>),
                ("result", schema_of::<CallAnswer>),
                ("error", schema_of::<ProblemDocument<'static>>),
            ],
            "event: progress\ndata: {\"progress\":1,\"total\":2,\"message\":\"day 1\"}\n\n\
             event: result\ndata: {\"result\":{},\"duration_ms\":863,\"version\":\"0.1.0\",\
             \"request_id\":\"790a56ce4d854b71\"}\n\n",
        )
        .fails(400, &["bad_input"])
        .fails(424, &["operation"])
    }
}

/// How what starts a process, or asks one, may fail.
fn started(operation: Operation) -> Operation {
    operation
        .fails(403, &["refused"])
        .fails(409, &["disabled", "sign_in", "conflict"])
        .fails(413, &["too_large"])
        .fails(422, &["invalid_input", "not_configured", "unusable"])
        .fails(502, &["misbehaved"])
        .fails(503, &["unavailable"])
        .fails(504, &["deadline"])
}

/// How the end of a sign-in may fail.
fn signed_in(operation: Operation) -> Operation {
    operation
        .fails(400, &["bad_input"])
        .fails(403, &["refused"])
        .fails(404, &["not_found"])
        .fails(409, &["disabled", "sign_in", "conflict"])
        .fails(422, &["invalid_input", "not_configured", "unusable"])
        .fails(424, &["operation"])
        .fails(502, &["download", "misbehaved"])
        .fails(503, &["unavailable"])
        .fails(504, &["deadline"])
}

type Events = [(&'static str, crate::openapi::SchemaOf); 3];

fn install_events() -> Events {
    [
        ("progress", schema_of::<Progress>),
        ("done", schema_of::<InstallOutcome>),
        ("error", schema_of::<ProblemDocument<'static>>),
    ]
}

const INSTALL_EVENTS: &str = "event: progress\ndata: {\"phase\":\"downloading\",\"percent\":42,\
    \"bytes\":3011584,\"total\":7050376}\n\nevent: done\ndata: {\"key\":\"weather\",\
    \"version\":\"0.2.0\",\"action\":\"updated\",\"signed\":\"none\",\"source\":\"catalog\"}\n\n";

pub(crate) fn operations() -> Vec<Operation> {
    let prefixes = [PREFIX, OF_KIND[0].0, OF_KIND[1].0];
    let words = [
        ("connectors", "Connector"),
        ("tools", "Tool"),
        ("jobs", "Job"),
    ];
    let mut all: Vec<_> = prefixes
        .into_iter()
        .zip(words)
        .flat_map(|(prefix, (tag, one))| Described { prefix, tag, one }.operations())
        .collect();
    all.push(
        signed_in(Operation::new(
            Method::GET,
            CALLBACK,
            "comeBackFromSignIn",
            "connectors",
            "Where a browser comes back to from signing in",
        ))
        .about("Takes no token but the `state`, which only who began the sign-in has, and once.")
        .query("state", text(), "What the sign-in began with.")
        .query("code", text(), "What the service gave.")
        .query("error", text(), "Why the service gave nothing.")
        .answers_text(
            200,
            "A page for the person whose browser it is.",
            "text/html",
            "<!doctype html><title>Signed in</title>",
        )
        .fails_as(Failures::Page)
        .fails(500, OURS),
    );
    all.extend(super::original::describe::operations());
    all
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn summary_example() -> Value {
    json!({
        "key": "weather", "name": "Weather", "description": "Forecasts from the weather service",
        "icon": "🌦", "kind": "connector", "version": "0.1.0", "enabled": true, "operations": 2,
        "signed": "none", "os_arch": ["linux/amd64"], "tags": ["Connector", "Weather"],
        "state": "stopped",
    })
}

fn description_example() -> Value {
    let mut example = summary_example();
    let more = json!({
        "config": [],
        "config_schema": { "type": "object", "properties": {} },
        "operations_list": [{
            "category": "Weather", "Key": "forecast", "Name": "Forecast",
            "Description": "The next days in a city", "Input": null, "Destructive": false,
            "input_schema": { "type": "object", "properties": {} },
        }],
        "versions": ["0.1.0"],
        "process": {
            "state": "stopped", "in_flight": 0, "waiting": 0, "leaving": 0, "starts": 0,
            "crashes": 0,
        },
    });
    if let (Some(example), Value::Object(more)) = (example.as_object_mut(), more) {
        example.extend(more);
    }
    example
}

fn catalog_example() -> Value {
    json!({
        "available": [{
            "key": "github", "name": "GitHub", "description": "Issues and pull requests",
            "kind": "connector",
            "catalog": "https://catalog.example.org/catalog.json", "version": "1.2.0", "arch_ok": true, "digest": true,
            "os_arch": ["linux/amd64"],
            "tags": ["Development"], "update_available": false,
        }],
        "warnings": [],
    })
}

fn outcome_example() -> Value {
    json!({
        "key": "weather", "version": "0.1.0", "action": "installed", "signed": "none",
        "source": "/home/me/weather/dist/weather",
    })
}

fn instance_example() -> Value {
    json!({
        "id": "46b9b4fc-f0a2-4a21-9f8a-d4fcee8b7472", "connector": "weather", "name": "default",
        "config": { "api_key": "••••••••", "base_url": "https://api.weather.test" },
        "missing": [], "created_at": "2026-11-25T06:59:58.415Z",
        "updated_at": "2026-11-25T06:59:58.415Z",
    })
}
