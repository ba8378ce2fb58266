//! Puts the descriptions of all routes together into one document.
//!
//! ```text
//! {"openapi":"3.1.0","info":{…},"tags":[…],
//!  "paths":{"/api/v1/runs":{"get":{"operationId":"listRuns","x-permission":"runs.read",…}}},
//!  "components":{"schemas":{…},"responses":{"404.not_found":{…}},"securitySchemes":{…}}}
//! ```

use std::collections::{BTreeMap, BTreeSet};

use schemars::{
    Schema, SchemaGenerator,
    generate::{Contract, SchemaSettings},
};
use serde_json::{Map, Value, json};

use super::operation::{Answer, Content, Failures, Operation, Parameter, SchemaOf, schema_of};
use crate::{
    http::ProblemDocument,
    plugins::ErrorEnvelope,
    security::{Needs, needed},
};

/// Where the schemas of types are.
const SCHEMAS: &str = "/components/schemas";

/// One of the groups that operations are in.
pub(crate) struct Tag {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
}

/// The document of these operations.
pub(super) fn of(operations: &[Operation], tags: &[Tag], about: &str) -> Value {
    let mut assembly = Assembly::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in operations {
        let described = assembly.operation(operation);
        paths
            .entry(&operation.path)
            .or_default()
            .insert(operation.method.as_str().to_ascii_lowercase(), described);
    }
    let used: BTreeSet<_> = operations.iter().map(|operation| operation.tag).collect();
    let tags: Vec<_> = tags
        .iter()
        .filter(|tag| used.contains(tag.name))
        .map(|tag| json!({ "name": tag.name, "description": tag.description }))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Outboard",
            "version": env!("CARGO_PKG_VERSION"),
            "description": about,
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/", "description": "The server that this document comes from." }],
        "tags": tags,
        "paths": paths,
        "components": assembly.components(),
        "security": credentials(false),
    })
}

/// What is collected while operations are described.
struct Assembly {
    /// Of what the server writes.
    answers: SchemaGenerator,
    /// Of what it reads.
    requests: SchemaGenerator,
    responses: BTreeMap<String, Value>,
}

impl Assembly {
    fn new() -> Assembly {
        let generator = |contract| {
            SchemaSettings::draft2020_12()
                .with(|settings| {
                    settings.definitions_path = SCHEMAS.into();
                    settings.meta_schema = None;
                    settings.contract = contract;
                })
                .into_generator()
        };
        Assembly {
            answers: generator(Contract::Serialize),
            requests: generator(Contract::Deserialize),
            responses: BTreeMap::new(),
        }
    }

    fn operation(&mut self, operation: &Operation) -> Value {
        let needs = needed(&operation.method, &operation.path);
        let mut described = Map::new();
        described.insert("operationId".to_owned(), operation.id.clone().into());
        described.insert("tags".to_owned(), json!([operation.tag]));
        described.insert("summary".to_owned(), operation.summary.into());
        if !operation.description.is_empty() {
            let text = operation.description.clone();
            described.insert("description".to_owned(), text.into());
        }
        described.insert("x-permission".to_owned(), permission(&needs));
        let security = match (&needs, operation.is_read()) {
            (Needs::Nothing, _) => json!([]),
            (_, true) => credentials(false),
            (_, false) => credentials(true),
        };
        described.insert("security".to_owned(), security);
        let mut parameters: Vec<_> = operation.parameters.iter().map(parameter).collect();
        if !operation.is_read() {
            parameters.push(json!({ "$ref": "#/components/parameters/IdempotencyKey" }));
        }
        if !parameters.is_empty() {
            described.insert("parameters".to_owned(), parameters.into());
        }
        if let Some(body) = &operation.body {
            let schema = (body.schema)(&mut self.requests);
            let body = json!({
                "description": body.description,
                "required": body.required,
                "content": { "application/json": { "schema": schema, "example": body.example } },
            });
            described.insert("requestBody".to_owned(), body);
        }
        let mut responses: BTreeMap<String, Value> = operation
            .answers
            .iter()
            .map(|answer| (answer.status.to_string(), self.answer(answer)))
            .collect();
        for (status, kinds) in failures(operation, &needs) {
            let name = self.failure(operation.style, status, &kinds);
            let own = operation.problems.iter().find(|own| own.0 == status);
            let response = match own {
                Some((_, schema, example)) => self.with_own(&name, *schema, example),
                None => json!({ "$ref": format!("#/components/responses/{name}") }),
            };
            responses.insert(status.to_string(), response);
        }
        described.insert("responses".to_owned(), json!(responses));
        described.into()
    }

    fn answer(&mut self, answer: &Answer) -> Value {
        let mut response = json!({ "description": answer.description });
        if !answer.headers.is_empty() {
            let headers: BTreeMap<_, _> = answer
                .headers
                .iter()
                .map(|(name, description)| {
                    let header =
                        json!({ "description": description, "schema": { "type": "string" } });
                    (*name, header)
                })
                .collect();
            response["headers"] = json!(headers);
        }
        if !answer.contents.is_empty() {
            let contents: BTreeMap<_, _> = answer
                .contents
                .iter()
                .map(|content| (content.media, self.content(content)))
                .collect();
            response["content"] = json!(contents);
        }
        response
    }

    fn content(&mut self, content: &Content) -> Value {
        let mut media = json!({ "schema": (content.schema)(&mut self.answers) });
        if let Some(example) = &content.example {
            media["example"] = example.clone();
        }
        if !content.events.is_empty() {
            let events: BTreeMap<_, _> = content
                .events
                .iter()
                .map(|(name, schema)| (*name, schema(&mut self.answers)))
                .collect();
            media["x-events"] = json!(events);
        }
        media
    }

    /// The name of the answer of a failure, which many routes share.
    fn failure(&mut self, style: Failures, status: u16, kinds: &BTreeSet<&str>) -> String {
        let words = kinds.iter().copied().collect::<Vec<_>>();
        let prefix = match style {
            Failures::Problems => "",
            Failures::Envelope => "envelope.",
            Failures::Text => "text.",
            Failures::File => "file.",
            Failures::Error => "error.",
            Failures::Page => "page.",
        };
        let name = format!("{prefix}{status}.{}", words.join("."));
        if self.responses.contains_key(&name) {
            return name;
        }
        let problem = json!({ "schema": {
            "allOf": [schema_of::<ProblemDocument>(&mut self.answers)],
            "properties": { "status": { "const": status }, "kind": { "enum": words } },
        }});
        let mut contents = json!({ "application/problem+json": problem });
        let plain: (&str, SchemaOf) = ("text/plain", schema_of::<String>);
        let envelope: (&str, SchemaOf) = ("application/json", schema_of::<ErrorEnvelope>);
        let own = match style {
            Failures::Problems => vec![],
            Failures::Envelope => vec![envelope],
            Failures::Text => vec![plain],
            Failures::File => vec![envelope, plain],
            Failures::Error => vec![("application/json", error_object as SchemaOf)],
            Failures::Page => vec![("text/html", schema_of::<String> as SchemaOf)],
        };
        for (media, schema) in own {
            contents[media] = json!({ "schema": schema(&mut self.answers) });
        }
        let known: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
        let mut response = json!({ "description": known.join(", "), "content": contents });
        let header = |text: &str| json!({ "description": text, "schema": { "type": "string" } });
        if status == 401 {
            response["headers"] = json!({ "WWW-Authenticate": header("`Bearer`") });
        }
        if ["overloaded", "rate_limited"]
            .iter()
            .any(|word| words.contains(word))
        {
            response["headers"] =
                json!({ "Retry-After": header("After how many seconds to try again.") });
        }
        self.responses.insert(name.clone(), response);
        name
    }

    /// The answer of that name, or a problem that says more.
    fn with_own(&mut self, name: &str, schema: SchemaOf, example: &Value) -> Value {
        let own = schema(&mut self.answers);
        let mut response = self.responses.get(name).cloned().unwrap_or_default();
        let common = response["content"]["application/problem+json"]["schema"].take();
        response["content"]["application/problem+json"] =
            json!({ "schema": { "anyOf": [own, common] }, "example": example });
        response
    }

    fn components(mut self) -> Value {
        let mut schemas = self.requests.take_definitions(true);
        // Where both know a type, what is written is what its readers look for.
        schemas.extend(self.answers.take_definitions(true));
        json!({
            "schemas": schemas,
            "responses": self.responses,
            "parameters": {
                "IdempotencyKey": {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "description": "Made up by the client for this one request: asked again with \
                                    the same key, it is done once and answered each time.",
                    "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" },
                },
            },
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token: that of `server.json` in the data directory, or one \
                                    that an admin made.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "outboard_session",
                    "description": "The session of a browser that is signed in.",
                },
                "csrf": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-CSRF-Token",
                    "description": "With a session, what each request that changes something \
                                    brings too.",
                },
            },
        })
    }
}

fn error_object(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({
        "type": "object",
        "properties": { "error": { "type": "string" } },
        "required": ["error"],
    })
}

/// One way of the two is enough.
fn credentials(changes: bool) -> Value {
    match changes {
        false => json!([{ "bearer": [] }, { "session": [] }]),
        true => json!([{ "bearer": [] }, { "session": [], "csrf": [] }]),
    }
}

fn permission(needs: &Needs) -> Value {
    match needs {
        Needs::Nothing => "none".into(),
        Needs::SomebodyKnown => "any".into(),
        Needs::Permission(permission) => permission.to_string().into(),
        Needs::Admin => "admin".into(),
    }
}

fn parameter(parameter: &Parameter) -> Value {
    let mut described = json!({
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "schema": parameter.schema,
    });
    if parameter.place == "path" {
        described["required"] = true.into();
    }
    if let Some(example) = &parameter.example {
        described["example"] = example.clone();
    }
    described
}

/// All failures of an operation: its own, and those that every request may meet on its
/// way to the route.
fn failures<'a>(operation: &'a Operation, needs: &Needs) -> BTreeMap<u16, BTreeSet<&'a str>> {
    let mut failures: BTreeMap<u16, BTreeSet<&str>> = BTreeMap::new();
    let mut add = |status: u16, kinds: &[&'a str]| {
        failures.entry(status).or_default().extend(kinds);
    };
    add(400, &["bad_request", "token_in_url"]);
    add(403, &["host_not_allowed", "origin_not_allowed"]);
    add(500, &["internal"]);
    match needs {
        Needs::Nothing => {}
        Needs::SomebodyKnown => add(401, &["unauthorized"]),
        Needs::Permission(_) | Needs::Admin => {
            add(401, &["unauthorized"]);
            add(403, &["forbidden"]);
        }
    }
    // Whether the server lives can always be asked.
    if operation.path != "/healthz" {
        add(429, &["rate_limited", "too_many_attempts"]);
        add(503, &["overloaded", "stopping"]);
        add(504, &["timeout"]);
    }
    if !operation.is_read() {
        add(403, &["csrf"]);
        add(409, &["answer_not_kept"]);
        add(413, &["too_large"]);
        add(422, &["idempotency_conflict"]);
    }
    for (status, kinds) in &operation.failures {
        add(*status, kinds);
    }
    failures
}
