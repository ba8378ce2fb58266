//! Running an operation: the form that its input asks for, and what came of it.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::IntoResponse as _,
};
use http::{HeaderMap, StatusCode};
use outboard_connector::host::{
    CallAnswer, CallProgress, CallRequest, Caller, Description, HostError, HostErrorKind,
    OnProgress, OperationDescription,
};
use serde_json::{Map, Value};

use super::{
    outcome::{Failure, Outcome, Shown, base, took},
    stream::{self, Progress},
};
use crate::{
    connectors::wants_events,
    http::Problem,
    security::Permission,
    server::AppState,
    ui::{
        commands::{OperationCall, in_path},
        form::{
            Field, FieldView, Submitted, Wrong, fields_of_config, read, typed_or_initial, views,
        },
        page::{Ui, UiResult, render},
        plugin::{describe, failed, host_of},
        state::Mark,
    },
};
use outboard_workflow::engine::nearest;

/// The longest time limit that the form takes, in seconds: a day.
const MAX_SECONDS: f64 = 86_400.0;

#[derive(Template)]
#[template(path = "run/operation.html", blocks = ["run"])]
struct RunOperation {
    key: String,
    kind: String,
    name: String,
    operation: String,
    description: String,
    back: String,
    action: String,
    destructive: bool,
    /// Why it cannot be called at all.
    unusable: Option<String>,
    notes: Vec<String>,
    fields: Vec<FieldView>,
    instances: Vec<(String, bool)>,
    wants_instance: bool,
    confirm_error: Option<&'static str>,
    seconds: String,
    seconds_error: Option<&'static str>,
    wrong: usize,
    outcome: Option<Outcome>,
    curl: String,
    cli: String,
    may_call: bool,
    csrf: String,
}

/// An operation, and what a form of it said.
struct Asked {
    description: Description,
    described: OperationDescription,
    fields: Vec<Field>,
    instances: Vec<String>,
    base: String,
    /// What was typed; `None` in a fresh form.
    form: Option<Submitted>,
}

impl Asked {
    async fn find(
        state: &AppState,
        key: &str,
        operation: &str,
        headers: &HeaderMap,
        form: Option<Submitted>,
    ) -> Result<Asked, Problem> {
        let host = host_of(state)?;
        let description = describe(host, key).await?;
        let found = description
            .operations_list
            .iter()
            .find(|described| described.operation.key == operation)
            .cloned();
        let Some(described) = found else {
            let word: String = operation.chars().take(100).collect();
            let problem = Problem::not_found(format!("{key} has no operation {word:?}"));
            let known = description.operations_list.iter();
            let near = nearest(
                &word,
                known.map(|described| described.operation.key.as_str()),
            );
            return Err(match near {
                Some(near) => problem.with_hint(format!("did you mean {near:?}?")),
                None => problem.with_hint(format!("the page of {key} lists those that it has")),
            });
        };
        let instances = host.instances(key).await.unwrap_or_default();
        Ok(Asked {
            fields: fields_of_config(&described.operation.input, &described.input_schema),
            instances: instances
                .into_iter()
                .map(|instance| instance.name)
                .collect(),
            base: base(headers),
            description,
            described,
            form,
        })
    }

    fn instance(&self) -> Option<&str> {
        self.form.as_ref().and_then(|form| form.word("instance"))
    }

    fn is_confirmed(&self) -> bool {
        self.form
            .as_ref()
            .is_some_and(|form| form.is_ticked("confirm"))
    }

    /// The time limit, in milliseconds.
    fn timeout(&self) -> Result<Option<u64>, &'static str> {
        let text = self.form.as_ref().and_then(|form| form.word("seconds"));
        let Some(text) = text else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(seconds) if seconds > 0.0 && seconds <= MAX_SECONDS => {
                Ok(Some((seconds * 1000.0).ceil() as u64))
            }
            _ => Err("this must be a number of seconds, at most a day"),
        }
    }

    /// The input, as far as it can be read, for the commands.
    fn input_so_far(&self) -> Map<String, Value> {
        let Some(form) = &self.form else {
            // What a fresh form would send, with a place for what it asks for.
            return self
                .fields
                .iter()
                .filter(|field| field.required)
                .map(|field| (field.key.clone(), Value::from("…")))
                .collect();
        };
        let mut input = Map::new();
        for field in &self.fields {
            if let Ok(read) = read(std::slice::from_ref(field), form) {
                input.extend(read);
            }
        }
        input
    }

    fn page(&self, ui: &Ui, wrong: &Wrong, outcome: Option<Outcome>) -> RunOperation {
        let summary = &self.description.summary;
        let operation = &self.described.operation;
        let input = self.input_so_far();
        let chosen = self.instance();
        let call = OperationCall {
            base: &self.base,
            kind: &summary.kind,
            key: &summary.key,
            operation: &operation.key,
            instance: chosen,
            input: &input,
            fields: &self.fields,
            confirm: operation.destructive,
        };
        let submitted = self.form.is_some();
        let confirm_error = (submitted && operation.destructive && !self.is_confirmed())
            .then_some("tick this if you mean it");
        let unusable = match (&summary.problem, summary.enabled) {
            (Some(problem), _) => Some(problem.detail.clone()),
            (None, false) => Some("It is disabled.".to_owned()),
            (None, true) => None,
        };
        let needs_config = self
            .description
            .config
            .iter()
            .any(|field| field.required && field.value.is_empty());
        let seconds = self.form.as_ref().and_then(|form| form.get("seconds"));
        let mut notes = operation.quirks.clone();
        notes.extend(operation.common_pitfalls.iter().cloned());
        RunOperation {
            curl: call.curl(),
            cli: call.cli(),
            key: summary.key.clone(),
            kind: summary.kind.clone(),
            name: match operation.name.is_empty() {
                true => operation.key.clone(),
                false => operation.name.clone(),
            },
            operation: operation.key.clone(),
            description: operation.description.clone(),
            back: format!("/ui/plugins/connector/{}", in_path(&summary.key)),
            action: format!(
                "/ui/run/operation/{}/{}",
                in_path(&summary.key),
                in_path(&operation.key)
            ),
            destructive: operation.destructive,
            unusable,
            notes,
            fields: views(
                &self.fields,
                "",
                |field| typed_or_initial(field, self.form.as_ref()),
                wrong,
            ),
            instances: self
                .instances
                .iter()
                .map(|name| (name.clone(), chosen == Some(name)))
                .collect(),
            wants_instance: self.instances.is_empty() && needs_config,
            confirm_error,
            seconds: seconds.unwrap_or_default().to_owned(),
            seconds_error: self.timeout().err(),
            wrong: wrong.len(),
            outcome,
            may_call: ui.may(&Permission::OPERATIONS_CALL),
            csrf: ui.csrf.clone(),
        }
    }

    fn title(&self) -> String {
        let operation = &self.described.operation;
        format!("Run {} of {}", operation.key, self.description.summary.key)
    }
}

/// `GET /ui/run/operation/{key}/{operation}`
pub(super) async fn form(
    State(state): State<AppState>,
    Path((key, operation)): Path<(String, String)>,
    headers: HeaderMap,
    ui: Ui,
) -> UiResult {
    let asked = Asked::find(&state, &key, &operation, &headers, None).await?;
    let page = asked.page(&ui, &Wrong::new(), None);
    ui.page(&asked.title(), "plugins", &page)
}

/// `POST /ui/run/operation/{key}/{operation}`
pub(super) async fn run(
    State(state): State<AppState>,
    Path((key, operation)): Path<(String, String)>,
    headers: HeaderMap,
    ui: Ui,
    Form(pairs): Form<Vec<(String, String)>>,
) -> UiResult {
    let form = Some(Submitted::new(pairs));
    let asked = Asked::find(&state, &key, &operation, &headers, form).await?;
    let streamed = wants_events(&headers);
    if !streamed {
        let (status, page) = done(&state, &ui, &asked, None).await;
        let shown = ui.page(&asked.title(), "plugins", &page)?;
        return Ok((status, shown).into_response());
    }
    let (tell, told) = stream::progress();
    let events = state.events.clone();
    let work = async move {
        let tell: OnProgress = Arc::new(move |told: CallProgress| {
            // A reader that is too slow misses some of it, and never the end.
            let _ = tell.try_send(Progress {
                done: told.progress.into(),
                total: told.total.into(),
                text: told.message,
            });
        });
        let (_, page) = done(&state, &ui, &asked, Some(tell)).await;
        render(&page.as_run())
    };
    Ok(stream::answer(&events, work, told))
}

/// Runs it, if the form can be read, and makes the page that says what came of it.
async fn done(
    state: &AppState,
    ui: &Ui,
    asked: &Asked,
    progress: Option<OnProgress>,
) -> (StatusCode, RunOperation) {
    let nothing = Submitted::default();
    let form = asked.form.as_ref().unwrap_or(&nothing);
    let unclear = StatusCode::UNPROCESSABLE_ENTITY;
    let input = match read(&asked.fields, form) {
        Ok(input) => input,
        Err(wrong) => return (unclear, asked.page(ui, &wrong, None)),
    };
    let timeout_ms = asked.timeout();
    let unconfirmed = asked.described.operation.destructive && !asked.is_confirmed();
    let Ok(timeout_ms) = timeout_ms else {
        return (unclear, asked.page(ui, &Wrong::new(), None));
    };
    if unconfirmed {
        return (unclear, asked.page(ui, &Wrong::new(), None));
    }
    let host = match host_of(state) {
        Ok(host) => host,
        Err(problem) => {
            let outcome = failure(&problem);
            return (problem.status, asked.page(ui, &Wrong::new(), Some(outcome)));
        }
    };
    let request = CallRequest {
        instance: asked.instance().map(str::to_owned),
        input: Value::Object(input),
        timeout_ms,
        confirm: asked.is_confirmed(),
        ..CallRequest::default()
    };
    let caller = Caller {
        name: "http".to_owned(),
        request_id: ui.request_id().to_owned(),
    };
    let summary = &asked.description.summary;
    let operation = &asked.described.operation.key;
    match host
        .call(&summary.key, operation, request, caller, progress)
        .await
    {
        Ok(answer) => {
            let outcome = success(state, ui, &answer);
            (StatusCode::OK, asked.page(ui, &Wrong::new(), Some(outcome)))
        }
        Err(error) => {
            let wrong = at_field(&error, &asked.fields);
            let problem = failed(&error);
            let mut outcome = failure(&problem);
            if !ui.request_id().is_empty() {
                outcome.facts.push(("Request", ui.request_id().to_owned()));
            }
            // 424 is for programs: here the page itself is in order, and so are others.
            (StatusCode::OK, asked.page(ui, &wrong, Some(outcome)))
        }
    }
}

fn success(state: &AppState, ui: &Ui, answer: &CallAnswer) -> Outcome {
    Outcome {
        mark: Mark::of("ok"),
        facts: vec![
            took(Duration::from_millis(answer.duration_ms)),
            ("Version", answer.version.clone()),
            ("Request", answer.request_id.clone()),
        ],
        more: None,
        failure: None,
        result: Some(Shown::new(state, ui, answer.result.get())),
    }
}

fn failure(problem: &Problem) -> Outcome {
    Outcome {
        mark: Mark {
            word: match problem.kind.as_ref() {
                "operation" => "operation error".to_owned(),
                kind => kind.replace('_', " "),
            },
            tone: "bad",
        },
        facts: Vec::new(),
        more: None,
        failure: Some(Failure::new(problem)),
        result: None,
    }
}

/// The field that the host named, if it did.
fn at_field(error: &HostError, fields: &[Field]) -> Wrong {
    if *error.kind() != HostErrorKind::InvalidInput {
        return Wrong::new();
    }
    fields
        .iter()
        .filter(|field| {
            error
                .message()
                .contains(&format!("the field {:?}", field.key))
        })
        .map(|field| (field.key.clone(), error.message().to_owned()))
        .collect()
}
