//! The config of a step: what it calls and with what, checked as early as it is known.

use std::time::Duration;

use jiff::SignedDuration;
use outboard_connector::host::{CallRequest, ConnectorHost, Description, HostErrorKind};
use outboard_contracts::connector::{arguments, validate_key};
use outboard_workflow::engine::Map;
use serde_json::Value;

/// What its config may have.
const KEYS: [&str; 7] = [
    "connector",
    "operation",
    "instance",
    "input",
    "config",
    "timeout",
    "confirm",
];

/// What a step calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) connector: String,
    pub(super) operation: String,
}

/// Looks at a config whose placeholders are still there, and at the connector.
pub(super) async fn make(host: &ConnectorHost, config: &Map) -> Result<Target, String> {
    let target = target(config)?;
    let connector = host.describe(&target.connector).await.map_err(|error| {
        let hint = match (error.what_to_do(), error.kind()) {
            (Some(hint), _) => format!("; {hint}"),
            (None, HostErrorKind::NotFound) => "; install it first".to_owned(),
            (None, _) => String::new(),
        };
        format!("{}{hint}", error.message())
    })?;
    fits(&target, config, &connector)?;
    Ok(target)
}

/// What a config calls, if the config is one.
fn target(config: &Map) -> Result<Target, String> {
    // The engine's own additions begin so.
    let mut keys = config.keys().filter(|key| !key.starts_with('_'));
    if let Some(unknown) = keys.find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!(
            "unknown key {unknown:?}; it takes {}",
            KEYS.join(", ")
        ));
    }
    let fixed = |key: &str| match config.get(key) {
        Some(Value::String(text)) if text.contains("{{") => Err(format!(
            "{key:?} cannot have a placeholder: what is called must be known before"
        )),
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(_) => Err(format!("{key:?} must be a text")),
        None => Err(format!("{key:?} is missing")),
    };
    let target = Target {
        connector: fixed("connector")?,
        operation: fixed("operation")?,
    };
    validate_key(&target.connector).map_err(|error| error.to_string())?;
    // What has a placeholder is looked at when there is a run.
    let known: Map = config
        .iter()
        .filter(|(_, value)| !has_placeholder(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    request(&known, Duration::MAX)?;
    let given = |key: &str| config.get(key).is_some_and(|value| !value.is_null());
    if given("instance") && given("config") {
        return Err("\"instance\" and \"config\" exclude each other".to_owned());
    }
    Ok(target)
}

/// Whether the connector has the operation and takes such a call, as far as is known.
fn fits(target: &Target, config: &Map, connector: &Description) -> Result<(), String> {
    let key = &target.connector;
    let operations = connector.operations_list.iter();
    let Some(found) = operations
        .clone()
        .find(|found| found.operation.key == target.operation)
    else {
        let known: Vec<_> = operations
            .map(|found| found.operation.key.as_str())
            .collect();
        let operation = &target.operation;
        let known = known.join(", ");
        return Err(format!(
            "connector {key:?} has no operation {operation:?}; it has {known}"
        ));
    };
    let operation = &found.operation;
    let input = config.get("input").unwrap_or(&Value::Null);
    match input {
        Value::Object(fields) if has_placeholder(input) => {
            let unknown = fields
                .keys()
                .find(|field| operation.input.iter().all(|known| known.key != **field));
            if let Some(field) = unknown {
                let known: Vec<_> = operation.input.iter().map(|field| &*field.key).collect();
                return Err(format!(
                    "operation {:?} of {key} has no field {field:?}; it has {}",
                    operation.key,
                    known.join(", ")
                ));
            }
        }
        input if has_placeholder(input) => {}
        input => {
            arguments::read(&operation.input, input)
                .map_err(|error| format!("operation {:?} of {key}: {error}", operation.key))?;
        }
    }
    let confirmed = config
        .get("confirm")
        .is_some_and(|confirm| has_placeholder(confirm) || confirm == &Value::Bool(true));
    if operation.destructive && !confirmed {
        return Err(format!(
            "operation {:?} of {key} is destructive; set `confirm: true` if it is meant",
            operation.key
        ));
    }
    Ok(())
}

/// The call that a config without placeholders asks for, in at most `longest`.
pub(super) fn request(config: &Map, longest: Duration) -> Result<CallRequest, String> {
    let object = |key: &str| match config.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value @ Value::Object(_)) => Ok(Some(value.clone())),
        Some(_) => Err(format!("{key:?} must be an object")),
    };
    let instance = match config.get("instance") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name.clone()),
        Some(_) => return Err("\"instance\" must be a text".to_owned()),
    };
    let timeout = match config.get("timeout") {
        None | Some(Value::Null) => longest,
        Some(Value::String(text)) => duration(text)?.min(longest),
        Some(_) => return Err("\"timeout\" must be a text such as 10s".to_owned()),
    };
    let confirm = match config.get("confirm") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(confirm)) => *confirm,
        Some(_) => return Err("\"confirm\" must be true or false".to_owned()),
    };
    Ok(CallRequest {
        instance,
        config: object("config")?,
        input: object("input")?.unwrap_or_else(|| Value::Object(Map::new())),
        session_id: None,
        timeout_ms: Some(
            u64::try_from(timeout.as_millis())
                .unwrap_or(u64::MAX)
                .max(1),
        ),
        confirm,
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    let starts_well = text.starts_with(|first: char| first.is_ascii_digit());
    let duration = text.parse::<SignedDuration>().ok().filter(|_| starts_well);
    duration
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| format!("timeout {text:?} is no duration; write 250ms, 30s or 5m"))
}

fn has_placeholder(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{"),
        Value::Array(items) => items.iter().any(has_placeholder),
        Value::Object(fields) => fields.values().any(has_placeholder),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outboard_connector::host::ProcessDescription;
    use serde_json::json;

    fn map(value: Value) -> Map {
        match value {
            Value::Object(map) => map,
            other => panic!("{other} is no object"),
        }
    }

    fn base() -> Map {
        map(json!({ "connector": "github", "operation": "get", "_config_dir": "/x" }))
    }

    fn with(key: &str, value: Value) -> Map {
        let mut config = base();
        config.insert(key.to_owned(), value);
        config
    }

    #[test]
    fn a_config_is_checked_before_there_is_a_run() {
        let found = target(&base()).expect("a target");
        assert_eq!(
            (found.connector.as_str(), found.operation.as_str()),
            ("github", "get")
        );
        for (key, value, why) in [
            ("conector", json!("x"), "unknown key \"conector\""),
            ("connector", json!("{{ trigger.key }}"), "placeholder"),
            ("connector", json!("../x"), "may have only"),
            ("operation", json!(3), "must be a text"),
            ("operation", json!(""), "must be a text"),
            ("instance", json!(3), "must be a text"),
            ("input", json!([]), "must be an object"),
            ("timeout", json!("-3s"), "no duration"),
            ("timeout", json!("0s"), "no duration"),
            ("timeout", json!(3), "must be a text"),
            ("confirm", json!("yes"), "true or false"),
        ] {
            let reason = target(&with(key, value.clone())).expect_err("a bad config");
            assert!(reason.contains(why), "{key} {value}: {reason}");
        }
        let mut both = with("instance", json!("{{ trigger.who }}"));
        both.insert("config".to_owned(), json!({}));
        assert!(target(&both).is_err_and(|reason| reason.contains("exclude")));
        assert!(target(&Map::new()).is_err_and(|reason| reason.contains("missing")));
        for (key, value) in [
            ("input", json!("{{ trigger.body }}")),
            ("timeout", json!("{{ trigger.limit }}")),
            ("confirm", json!("{{ trigger.sure }}")),
        ] {
            target(&with(key, value)).expect("a placeholder is looked up later");
        }
    }

    #[test]
    fn a_call_takes_no_longer_than_its_step() {
        let ms = |config: &Map| {
            let request = request(config, Duration::from_secs(30)).expect("a request");
            request.timeout_ms.expect("a timeout")
        };
        assert_eq!(ms(&base()), 30_000);
        assert_eq!(ms(&with("timeout", json!("250ms"))), 250);
        assert_eq!(ms(&with("timeout", json!("5m"))), 30_000);
        assert_eq!(
            request(&base(), Duration::ZERO)
                .expect("a request")
                .timeout_ms,
            Some(1)
        );
    }

    fn description(input: Value, destructive: bool) -> Description {
        let operation = json!({
            "category": "Main", "Key": "get", "Name": "Get", "Description": "", "Input": input,
            "Destructive": destructive, "input_schema": {},
        });
        serde_json::from_value(json!({
            "key": "github", "name": "GitHub", "description": "", "icon": "", "kind": "connector",
            "version": "1.0.0", "enabled": true, "operations": 1, "signed": "none",
            "os_arch": [], "tags": [], "state": "stopped", "config": [], "config_schema": {},
            "operations_list": [operation], "versions": ["1.0.0"],
            "process": ProcessDescription::default(),
        }))
        .expect("a description")
    }

    #[test]
    fn what_the_connector_does_not_have_is_found_when_the_step_is_made() {
        let input = json!([{ "Key": "id", "Type": "number", "Required": true }]);
        let connector = description(input, false);
        let check = |config: &Map| fits(&target(config)?, config, &connector);
        let operation = check(&with("operation", json!("got"))).expect_err("no such operation");
        assert!(operation.contains("it has get"), "{operation}");
        for (input, why) in [
            (json!({ "id": 1, "x": 2 }), "\"x\""),
            (json!({ "x": "{{ trigger.x }}" }), "\"x\""),
            (json!({}), "required"),
            (json!({ "id": "one" }), "must be"),
        ] {
            let reason = check(&with("input", input.clone())).expect_err("a bad input");
            assert!(reason.contains(why), "{input}: {reason}");
        }
        check(&with("input", json!({ "id": 1 }))).expect("an input");
        check(&with("input", json!({ "id": "{{ trigger.id }}" }))).expect("an input");
        check(&with("input", json!("{{ trigger }}"))).expect("an input");
    }

    #[test]
    fn a_destructive_operation_must_be_meant() {
        let connector = description(Value::Null, true);
        let check = |config: &Map| fits(&target(config)?, config, &connector);
        assert!(check(&base()).is_err_and(|reason| reason.contains("confirm: true")));
        assert!(check(&with("confirm", json!(false))).is_err());
        check(&with("confirm", json!(true))).expect("it is meant");
        check(&with("confirm", json!("{{ trigger.sure }}"))).expect("the run says");
    }
}
