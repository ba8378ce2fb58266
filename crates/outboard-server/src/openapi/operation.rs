//! How a route is described: a method on a path, what it takes, and all that it may
//! answer.

use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

/// Makes the schema of a type, and adds what it refers to to the generator's.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The schema of a type.
pub(crate) fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// How the failures of a route are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failures {
    /// Problem details.
    Problems,
    /// The seed's envelope; what comes before the route is a problem.
    Envelope,
    /// Plain text, as the original of the connectors writes it; what comes before the
    /// route is a problem.
    Text,
    /// An object with the field `error`, as the original of the plugins of a host writes
    /// it; what comes before the route is a problem.
    Error,
    /// The seed's envelope or plain text, of a route that answers with files.
    File,
    /// A page for people.
    Page,
}

/// One parameter in the path, the query or a header.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(super) place: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) schema: Value,
    pub(super) example: Option<Value>,
}

/// What a request's body is.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(super) schema: SchemaOf,
    pub(super) required: bool,
    pub(super) description: &'static str,
    pub(super) example: Value,
}

/// One form in which an answer comes.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) media: &'static str,
    pub(super) schema: SchemaOf,
    pub(super) example: Option<Value>,
    /// Names and data of the events, if it is a stream of them.
    pub(super) events: Vec<(&'static str, SchemaOf)>,
}

/// An answer of a status that is no failure.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) description: &'static str,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) contents: Vec<Content>,
}

/// A route's description.
#[derive(Clone, Debug)]
#[must_use]
pub(crate) struct Operation {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
    pub(super) style: Failures,
    pub(super) failures: Vec<(u16, &'static [&'static str])>,
    /// Problems that say more than others do.
    pub(super) problems: Vec<(u16, SchemaOf, Value)>,
}

impl Operation {
    /// A route. `id` is unique over all of them, and what clients name it by.
    pub(crate) fn new(
        method: Method,
        path: impl Into<String>,
        id: impl Into<String>,
        tag: &'static str,
        summary: &'static str,
    ) -> Operation {
        Operation {
            method,
            path: path.into(),
            id: id.into(),
            tag,
            summary,
            description: String::new(),
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            style: Failures::Problems,
            failures: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// More than fits into the summary.
    pub(crate) fn about(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    fn parameter(
        mut self,
        place: &'static str,
        name: &'static str,
        schema: Value,
        description: &'static str,
    ) -> Self {
        self.parameters.push(Parameter {
            place,
            name,
            description,
            schema,
            example: None,
        });
        self
    }

    /// A part of the path, with what it is in the examples.
    pub(crate) fn path(
        self,
        name: &'static str,
        schema: Value,
        description: &'static str,
        example: &'static str,
    ) -> Self {
        let mut operation = self.parameter("path", name, schema, description);
        if let Some(parameter) = operation.parameters.last_mut() {
            parameter.example = Some(example.into());
        }
        operation
    }

    /// A part of the query.
    pub(crate) fn query(
        self,
        name: &'static str,
        schema: Value,
        description: &'static str,
    ) -> Self {
        self.parameter("query", name, schema, description)
    }

    /// A header.
    pub(crate) fn header(
        self,
        name: &'static str,
        schema: Value,
        description: &'static str,
    ) -> Self {
        self.parameter("header", name, schema, description)
    }

    /// The parameters of a page of a list.
    pub(crate) fn paged(self, cursor: &'static str) -> Self {
        self.query(
            "limit",
            json!({ "type": "integer", "minimum": 1, "maximum": 500, "default": 50 }),
            "How many items a page has. Less is taken as 1, more as 500.",
        )
        .query("cursor", json!({ "type": "string" }), cursor)
    }

    /// A body that must be there.
    pub(crate) fn takes(mut self, schema: SchemaOf, what: &'static str, example: Value) -> Self {
        self.body = Some(Body {
            schema,
            required: true,
            description: what,
            example,
        });
        self
    }

    /// A body that may be absent, which is the same as an empty object.
    pub(crate) fn may_take(mut self, schema: SchemaOf, what: &'static str, example: Value) -> Self {
        self.body = Some(Body {
            schema,
            required: false,
            description: what,
            example,
        });
        self
    }

    fn answer(mut self, status: u16, description: &'static str, content: Option<Content>) -> Self {
        match self.answers.iter_mut().find(|known| known.status == status) {
            Some(known) => known.contents.extend(content),
            None => self.answers.push(Answer {
                status,
                description,
                headers: Vec::new(),
                contents: content.into_iter().collect(),
            }),
        }
        self
    }

    /// An answer in JSON.
    pub(crate) fn answers(
        self,
        status: u16,
        description: &'static str,
        schema: SchemaOf,
        example: Value,
    ) -> Self {
        let content = Content {
            media: "application/json",
            schema,
            example: Some(example),
            events: Vec::new(),
        };
        self.answer(status, description, Some(content))
    }

    /// An answer of another type, as text.
    pub(crate) fn answers_text(
        self,
        status: u16,
        description: &'static str,
        media: &'static str,
        example: &'static str,
    ) -> Self {
        let content = Content {
            media,
            schema: schema_of::<String>,
            example: Some(example.into()),
            events: Vec::new(),
        };
        self.answer(status, description, Some(content))
    }

    /// A file of any type.
    pub(crate) fn answers_file(self, status: u16, description: &'static str) -> Self {
        let content = Content {
            media: "*/*",
            schema: schema_of::<String>,
            example: Some("<!doctype html><title>Reports</title>".into()),
            events: Vec::new(),
        };
        self.answer(status, description, Some(content))
    }

    /// An answer without a body.
    pub(crate) fn answers_nothing(self, status: u16, description: &'static str) -> Self {
        self.answer(status, description, None)
    }

    /// The same status as a stream of Server-Sent Events, with each event's name and data.
    pub(crate) fn streams(
        self,
        description: &'static str,
        events: &[(&'static str, SchemaOf)],
        example: &'static str,
    ) -> Self {
        let content = Content {
            media: "text/event-stream",
            schema: schema_of::<String>,
            example: Some(example.into()),
            events: events.to_vec(),
        };
        self.answer(200, description, Some(content))
    }

    /// A header of the answer described last.
    pub(crate) fn with_header(mut self, name: &'static str, description: &'static str) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers.push((name, description));
        }
        self
    }

    /// How failures are written, if not as problems.
    pub(crate) fn fails_as(mut self, style: Failures) -> Self {
        self.style = style;
        self
    }

    /// Failures of a status, with the kinds that it may have.
    pub(crate) fn fails(mut self, status: u16, kinds: &'static [&'static str]) -> Self {
        self.failures.push((status, kinds));
        self
    }

    /// A problem of a status, besides those that say no more than others do.
    pub(crate) fn fails_with(mut self, status: u16, schema: SchemaOf, example: Value) -> Self {
        self.problems.push((status, schema, example));
        self
    }

    /// Whether it changes nothing.
    pub(super) fn is_read(&self) -> bool {
        self.method == Method::GET
    }
}
