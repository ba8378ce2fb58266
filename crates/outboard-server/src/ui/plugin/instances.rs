//! The settings of a connector: its instances, each a form of the config fields.
//!
//! Secrets are written and never read: a secret that is set is an empty field with the
//! mask as its placeholder, and stays unless something is typed or its box is ticked.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, header};
use outboard_connector::host::{HostError, InstanceChange, InstanceView};
use serde_json::{Map, Value};

use super::{
    actions::bad,
    connector::{Connector, failed, host_of, show},
    head::href,
};
use crate::{
    connectors::CALLBACK,
    http::Problem,
    security::Permission,
    server::AppState,
    ui::{
        commands::in_path,
        form::{Control, Field, FieldView, Submitted, Wrong, fields_of_config, text_of, views},
        page::{Flash, Ui, UiResult, redirect},
    },
};

/// The name of an instance that is given none.
const DEFAULT: &str = "default";

#[derive(Template)]
#[template(path = "plugin/instances.html")]
pub(super) struct Instances {
    key: String,
    instances: Vec<InstanceForm>,
    new: InstanceForm,
    /// Whether the form of a new one is open.
    new_is_open: bool,
    has_fields: bool,
    has_sign_in: bool,
    sign_in: Option<SignIn>,
    may_write: bool,
    csrf: String,
    callback: &'static str,
}

/// One instance.
struct InstanceForm {
    name: String,
    action: String,
    fields: Vec<FieldView>,
    /// What keeps it from being used.
    lacks: Vec<String>,
    signed_in: Option<String>,
    must_sign_in: Option<String>,
    problem: Option<String>,
}

/// Where a user goes to sign in.
struct SignIn {
    instance: String,
    address: String,
    service: String,
}

/// What somebody filled in that could not be taken, or what is to be shown besides.
pub(super) struct Filled<'a> {
    /// Which instance; `None` is a new one.
    pub(super) instance: Option<&'a str>,
    pub(super) form: &'a Submitted,
    pub(super) wrong: Wrong,
    pub(super) problem: Option<String>,
    sign_in: Option<SignIn>,
}

fn fields(connector: &Connector) -> Vec<Field> {
    let description = &connector.description;
    fields_of_config(&description.config, &description.config_schema)
}

pub(super) fn tab(ui: &Ui, connector: &Connector, filled: Option<Filled<'_>>) -> Instances {
    let description = &connector.description;
    let key = &description.summary.key;
    let page = href("connector", key);
    let fields = fields(connector);
    let mut filled = filled;
    let sign_in = filled.as_mut().and_then(|filled| filled.sign_in.take());
    let filled = filled.as_ref();
    let instances = connector.instances.iter().enumerate();
    let instances = instances.map(|(place, instance)| {
        let typed = filled.filter(|filled| {
            filled.instance == Some(&*instance.name) || filled.instance == Some(&*instance.id)
        });
        form_of(&page, &fields, place, instance, typed)
    });
    let typed = filled.filter(|filled| filled.instance.is_none());
    let nothing = Wrong::new();
    let is_first = connector.instances.is_empty();
    let name = typed.and_then(|typed| typed.form.word("name"));
    let new = InstanceForm {
        name: match (name, is_first) {
            (Some(name), _) => name.to_owned(),
            (None, true) => DEFAULT.to_owned(),
            (None, false) => String::new(),
        },
        action: format!("{page}/instances"),
        fields: views(
            &fields,
            "new-",
            |field| crate::ui::form::typed_or_initial(field, typed.map(|typed| typed.form)),
            typed.map_or(&nothing, |typed| &typed.wrong),
        ),
        lacks: Vec::new(),
        signed_in: None,
        must_sign_in: None,
        problem: typed.and_then(|typed| typed.problem.clone()),
    };
    Instances {
        instances: instances.collect(),
        new,
        new_is_open: is_first || typed.is_some(),
        has_fields: !fields.is_empty(),
        has_sign_in: description.oauth.is_some(),
        sign_in,
        may_write: ui.may(&Permission::INSTANCES_WRITE),
        csrf: ui.csrf.clone(),
        callback: CALLBACK,
        key: key.clone(),
    }
}

fn form_of(
    page: &str,
    fields: &[Field],
    place: usize,
    instance: &InstanceView,
    typed: Option<&Filled<'_>>,
) -> InstanceForm {
    let nothing = Wrong::new();
    let current = |field: &Field| instance.config.get(&field.key).cloned().unwrap_or_default();
    let value = |field: &Field| match typed {
        // Of a secret it is shown alone whether it is set.
        Some(typed) if !field.secret => {
            typed.form.get(&field.name()).unwrap_or_default().to_owned()
        }
        _ => current(field),
    };
    let mut lacks = Vec::new();
    if !instance.missing.is_empty() {
        lacks.push(format!("It has no {}.", instance.missing.join(", ")));
    }
    for (key, problem) in &instance.problems {
        lacks.push(format!("{key}: {problem}"));
    }
    let identity = instance.identity.as_ref();
    let who = identity.map(|identity| match identity.display_name.is_empty() {
        true if identity.user_id.is_empty() => "somebody".to_owned(),
        true => identity.user_id.clone(),
        false => identity.display_name.clone(),
    });
    InstanceForm {
        action: format!("{page}/instances/{}", in_path(&instance.name)),
        fields: views(
            fields,
            &format!("i{place}-"),
            value,
            typed.map_or(&nothing, |typed| &typed.wrong),
        ),
        lacks,
        signed_in: who,
        must_sign_in: identity.and_then(|identity| identity.problem.clone()),
        problem: typed.and_then(|typed| typed.problem.clone()),
        name: instance.name.clone(),
    }
}

/// `GET /ui/plugins/connector/{key}/instances`, which is a part of the settings.
pub(super) async fn list(Path(key): Path<String>) -> Response {
    redirect(&format!("{}/settings", href("connector", &key)))
}

/// What to change, given what an instance has: what is as it was is left out, so that
/// nothing is stored that came from a default or the environment.
fn changes(
    fields: &[Field],
    form: &Submitted,
    before: &BTreeMap<String, String>,
) -> Map<String, Value> {
    let mut changes = Map::new();
    for field in fields.iter().filter(|field| !field.locked) {
        let before = before.get(&field.key).map_or("", String::as_str);
        let typed = form.get(&field.name()).unwrap_or_default();
        let after = match &field.control {
            _ if field.secret => {
                if form.is_ticked(&field.clear_name()) {
                    changes.insert(field.key.clone(), Value::Null);
                } else if !typed.is_empty() {
                    changes.insert(field.key.clone(), typed.into());
                }
                continue;
            }
            Control::Switch => {
                let yes = form.is_ticked(&field.name());
                let was = matches!(before, "true" | "1");
                if yes != was {
                    changes.insert(field.key.clone(), yes.to_string().into());
                }
                continue;
            }
            Control::Choice(choices) => choices
                .iter()
                .find(|choice| choice.text == typed)
                .map_or_else(|| typed.to_owned(), |choice| text_of(&choice.value)),
            _ => typed.replace("\r\n", "\n"),
        };
        if after != before {
            let value = match after.is_empty() {
                true => Value::Null,
                false => Value::String(after),
            };
            changes.insert(field.key.clone(), value);
        }
    }
    changes
}

/// What is wrong with values that are given. That one is missing is no failure: an
/// instance may be filled in step by step.
fn check(fields: &[Field], form: &Submitted) -> Wrong {
    let optional: Vec<Field> = fields
        .iter()
        .map(|field| Field {
            required: false,
            ..field.clone()
        })
        .collect();
    crate::ui::form::read(&optional, form)
        .err()
        .unwrap_or_default()
}

/// A failure at the field that it names, or of the whole form.
fn placed(error: &HostError, fields: &[Field], wrong: &mut Wrong) -> Option<String> {
    let problem = failed(error);
    let named = fields.iter().find(|field| {
        problem
            .detail
            .contains(&format!("the field {:?}", field.key))
    });
    match named {
        Some(field) => {
            wrong.insert(field.key.clone(), problem.detail);
            None
        }
        None => Some(match problem.hint {
            Some(hint) => format!("{}. {hint}", problem.detail),
            None => problem.detail,
        }),
    }
}

async fn again(ui: &Ui, connector: &Connector, filled: Filled<'_>, status: StatusCode) -> UiResult {
    let shown = show(ui, connector, "settings", Some(filled)).await?;
    Ok((status, shown).into_response())
}

/// `POST /ui/plugins/connector/{key}/instances`
pub(super) async fn create(
    State(state): State<AppState>,
    Path(key): Path<String>,
    ui: Ui,
    Form(pairs): Form<Vec<(String, String)>>,
) -> UiResult {
    let connector = Connector::find(&state, &key).await?;
    let form = Submitted::new(pairs);
    let fields = fields(&connector);
    let mut wrong = check(&fields, &form);
    let mut problem = None;
    if wrong.is_empty() {
        let defaults: BTreeMap<String, String> = fields
            .iter()
            .map(|field| (field.key.clone(), field.initial()))
            .collect();
        let change = InstanceChange {
            name: Some(form.word("name").unwrap_or(DEFAULT).to_owned()),
            config: changes(&fields, &form, &defaults),
        };
        match connector.host.create_instance(&key, change).await {
            Ok(made) => {
                let mut text = format!("Instance {} is made.", made.name);
                if !made.missing.is_empty() {
                    text.push_str(&format!(" It still needs {}.", made.missing.join(", ")));
                }
                let page = format!("{}/settings", href("connector", &key));
                return Ok(ui.done(&page, &Flash::good(text)));
            }
            Err(error) => problem = placed(&error, &fields, &mut wrong),
        }
    }
    let filled = Filled {
        instance: None,
        form: &form,
        wrong,
        problem,
        sign_in: None,
    };
    again(&ui, &connector, filled, StatusCode::UNPROCESSABLE_ENTITY).await
}

/// `POST /ui/plugins/connector/{key}/instances/{instance}`
pub(super) async fn save(
    State(state): State<AppState>,
    Path((key, name)): Path<(String, String)>,
    ui: Ui,
    Form(pairs): Form<Vec<(String, String)>>,
) -> UiResult {
    let connector = Connector::find(&state, &key).await?;
    let before = connector.host.instance(&key, &name).await;
    let before = before.map_err(|error| failed(&error))?;
    let form = Submitted::new(pairs);
    let fields = fields(&connector);
    let mut wrong = check(&fields, &form);
    let mut problem = None;
    if wrong.is_empty() {
        let change = InstanceChange {
            name: None,
            config: changes(&fields, &form, &before.config),
        };
        let page = format!("{}/settings", href("connector", &key));
        if change.config.is_empty() {
            let flash = Flash::good(format!("Nothing of {} was changed.", before.name));
            return Ok(ui.done(&page, &flash));
        }
        let keys: Vec<String> = change.config.keys().cloned().collect();
        match connector
            .host
            .update_instance(&key, &before.id, change)
            .await
        {
            Ok(after) => {
                let mut text = format!("{}: {} saved.", after.name, keys.join(", "));
                if !after.missing.is_empty() {
                    text.push_str(&format!(" It still needs {}.", after.missing.join(", ")));
                }
                return Ok(ui.done(&page, &Flash::good(text)));
            }
            Err(error) => problem = placed(&error, &fields, &mut wrong),
        }
    }
    let filled = Filled {
        instance: Some(&before.name),
        form: &form,
        wrong,
        problem,
        sign_in: None,
    };
    again(&ui, &connector, filled, StatusCode::UNPROCESSABLE_ENTITY).await
}

/// `POST /ui/plugins/connector/{key}/instances/{instance}/{verb}`
pub(super) async fn change(
    State(state): State<AppState>,
    Path((key, name, verb)): Path<(String, String, String)>,
    ui: Ui,
    headers: HeaderMap,
    Form(_): Form<Vec<(String, String)>>,
) -> UiResult {
    let page = format!("{}/settings", href("connector", &key));
    let host = host_of(&state)?;
    match verb.as_str() {
        "remove" => {
            let flash = match host.delete_instance(&key, &name).await {
                Ok(()) => Flash::good(format!("Instance {name} is removed.")),
                Err(error) => bad(&format!("{name} was not removed"), &failed(&error)),
            };
            Ok(ui.done(&page, &flash))
        }
        "sign-in" => {
            let connector = Connector::find(&state, &key).await?;
            let here = headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok());
            let here = here.ok_or_else(|| Problem::bad_request("the request has no Host"))?;
            let back = format!("http://{here}{CALLBACK}");
            match host.begin_sign_in(&key, &name, &back).await {
                Ok(begun) => sign_in(&ui, &connector, &name, begun.authorize_url).await,
                Err(error) => {
                    let flash = bad("No sign-in was begun", &failed(&error));
                    Ok(ui.done(&page, &flash))
                }
            }
        }
        _ => Err(Problem::not_found(
            "an instance can be changed, removed and signed in",
        )),
    }
}

/// A page with a link to the service: a form of ours may not lead to another site.
async fn sign_in(ui: &Ui, connector: &Connector, name: &str, address: String) -> UiResult {
    // Its author chose it, and a browser follows more than these.
    if !address.starts_with("https://") && !address.starts_with("http://") {
        let detail = "the address to sign in at is none of the web";
        return Err(Problem::new(StatusCode::BAD_GATEWAY, "misbehaved", detail)
            .with_hint("tell the author of the connector"));
    }
    let oauth = connector.description.oauth.as_ref();
    let service = oauth.map(|oauth| oauth.display_name.clone());
    let nothing = Submitted::default();
    let filled = Filled {
        // None that there is: nothing was typed.
        instance: Some(""),
        form: &nothing,
        wrong: Wrong::new(),
        problem: None,
        sign_in: Some(SignIn {
            instance: name.to_owned(),
            address,
            service: service
                .filter(|service| !service.is_empty())
                .unwrap_or_else(|| "the service".to_owned()),
        }),
    };
    again(ui, connector, filled, StatusCode::OK).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::form::fields_of_schema;
    use serde_json::json;

    fn changed(typed: &[(&str, &str)], before: &[(&str, &str)]) -> Value {
        let fields = fields_of_schema(&json!({ "properties": {
            "url": { "type": "string" },
            "pin": { "type": "string", "writeOnly": true },
            "loud": { "type": ["boolean", "string"] },
            "fixed": { "type": "string", "readOnly": true },
        }}));
        let text = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        let before = text(before).into_iter().collect();
        Value::Object(changes(&fields, &Submitted::new(text(typed)), &before))
    }

    #[test]
    fn only_what_was_changed_is_sent_and_what_is_empty_clears() {
        let before = [("url", "https://a"), ("loud", "true"), ("fixed", "x")];
        assert_eq!(
            changed(&[("in.url", "https://a"), ("in.loud", "on")], &before),
            json!({})
        );
        assert_eq!(
            changed(&[("in.url", ""), ("in.fixed", "y")], &before),
            json!({ "url": null, "loud": "false" })
        );
        assert_eq!(changed(&[("in.url", "b")], &[]), json!({ "url": "b" }));
    }

    #[test]
    fn a_secret_stays_unless_it_is_typed_or_cleared() {
        let mask = [("pin", "••••••••")];
        assert_eq!(changed(&[("in.pin", "")], &mask), json!({}));
        assert_eq!(
            changed(&[("in.pin", "new")], &mask),
            json!({ "pin": "new" })
        );
        assert_eq!(
            changed(&[("in.pin", ""), ("clear.pin", "on")], &mask),
            json!({ "pin": null })
        );
    }
}
