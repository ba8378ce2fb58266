//! The triggers of a workflow file.

use std::{collections::BTreeMap, time::Duration};

use http::Method;

use super::{
    TriggerDefinition,
    fields::{Fields, check_name, join},
    node::{Content, Node, Place},
    reader::Reader,
};
use crate::engine::{TypeKind, suggest};

/// The methods that an HTTP trigger can have.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/// A schedule that fires more often is a loop: 1 second.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

pub(super) fn read(
    reader: &mut Reader<'_>,
    node: &Node,
    pipelines: &[&str],
) -> Vec<TriggerDefinition> {
    let mut triggers = Vec::new();
    let mut routes: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    let items = reader.report.items(node, "triggers");
    for (index, item) in items.iter().enumerate() {
        let path = format!("triggers[{index}]");
        let known: &[&str] = match type_of(item) {
            Some("http") => &["type", "path", "method", "pipeline"],
            Some("schedule") => &["type", "every", "pipeline", "input"],
            _ => &["type", "name", "pipeline", "config"],
        };
        let Some(fields) = reader.report.fields(item, &path, known) else {
            continue;
        };
        let trigger_type = reader.known_type(&fields, TypeKind::Trigger);
        let pipeline = pipeline(reader, &fields, pipelines);
        let trigger = match trigger_type.as_deref() {
            None => None,
            Some("http") => http(reader, &fields, &mut routes).and_then(|(method, path)| {
                Some(TriggerDefinition::Http {
                    method,
                    path,
                    pipeline: pipeline?,
                })
            }),
            Some("schedule") => {
                let every = every(reader, &fields);
                let input = reader.load_time_config(&fields, "input");
                every.and_then(|every| {
                    Some(TriggerDefinition::Schedule {
                        every,
                        pipeline: pipeline?,
                        input,
                    })
                })
            }
            Some(trigger_type) => {
                let name = fields.optional("name", &mut reader.report);
                if let Some((name, place)) = name {
                    check_name(name, ".", place, &join(&path, "name"), &mut reader.report);
                    reader.unique(&mut names, "trigger", name, place, &path);
                }
                let config = reader.load_time_config(&fields, "config");
                pipeline.map(|pipeline| TriggerDefinition::Plugin {
                    name: name.map_or_else(
                        || format!("{trigger_type}-{index}"),
                        |(name, _)| name.to_owned(),
                    ),
                    trigger_type: trigger_type.to_owned(),
                    pipeline,
                    config,
                })
            }
        };
        triggers.extend(trigger);
    }
    triggers
}

fn type_of(trigger: &Node) -> Option<&str> {
    let Content::Mapping(entries) = &trigger.content else {
        return None;
    };
    let entry = entries.iter().find(|entry| entry.key == "type")?;
    match &entry.node.content {
        Content::Scalar(serde_json::Value::String(text)) => Some(text),
        _ => None,
    }
}

fn pipeline(reader: &mut Reader<'_>, fields: &Fields<'_>, pipelines: &[&str]) -> Option<String> {
    let (name, place) = fields.required("pipeline", &mut reader.report)?;
    let path = fields.path_of("pipeline");
    is_pipeline(reader, name, place, &path, pipelines).then(|| name.to_owned())
}

/// A pipeline that is named must be in the file.
pub(super) fn is_pipeline(
    reader: &mut Reader<'_>,
    name: &str,
    place: Place,
    path: &str,
    pipelines: &[&str],
) -> bool {
    if pipelines.contains(&name) {
        return true;
    }
    let hint = suggest::nearest(name, pipelines.iter().copied())
        .map(|nearest| format!("did you mean {nearest:?}?"));
    let message = format!("there is no pipeline {name:?}");
    reader.report.add_with_hint(place, path, message, hint);
    false
}

fn every(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Duration> {
    let Some(node) = fields.get("every") else {
        reader
            .report
            .add(fields.place, &fields.path, "\"every\" is missing");
        return None;
    };
    let every = fields.duration("every", &mut reader.report)?;
    if every < SHORTEST_INTERVAL {
        let message = "a schedule fires at most once a second";
        reader
            .report
            .add(node.place, &fields.path_of("every"), message);
        return None;
    }
    Some(every)
}

fn http(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    routes: &mut BTreeMap<(String, String), usize>,
) -> Option<(Method, String)> {
    let method = method(reader, fields);
    let (path, place) = fields.required("path", &mut reader.report)?;
    let at = fields.path_of("path");
    if let Err(message) = check_path(path) {
        reader
            .report
            .add(place, &at, format!("{path:?} is no path: {message}"));
        return None;
    }
    let reserved = reader
        .options
        .reserved_paths
        .iter()
        .find(|reserved| is_within(path, reserved));
    if let Some(reserved) = reserved {
        let message = format!("{path:?} belongs to the server, as all of {reserved:?} does");
        reader.report.add(place, &at, message);
        return None;
    }
    let method = method?;
    conflict(reader, (&method, path, place), &at, routes)?;
    Some((method, path.to_owned()))
}

fn conflict(
    reader: &mut Reader<'_>,
    (method, path, place): (&Method, &str, Place),
    at: &str,
    routes: &mut BTreeMap<(String, String), usize>,
) -> Option<()> {
    let key = (method.to_string(), path.to_owned());
    if let Some(line) = routes.get(&key) {
        let message = format!("another trigger has {method} {path}");
        let hint = Some(format!("the first is in line {line}"));
        reader.report.add_with_hint(place, at, message, hint);
        return None;
    }
    routes.insert(key, place.line);
    Some(())
}

fn method(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Method> {
    if fields.get("method").is_none() {
        return Some(Method::POST);
    }
    let (text, place) = fields.optional("method", &mut reader.report)?;
    if METHODS.contains(&text) {
        return text.parse().ok();
    }
    let upper = text.to_ascii_uppercase();
    let hint = if METHODS.contains(&upper.as_str()) {
        format!("did you mean {upper:?}?")
    } else {
        METHODS.join(", ")
    };
    let message = format!("{text:?} is no method of a trigger");
    reader
        .report
        .add_with_hint(place, &fields.path_of("method"), message, Some(hint));
    None
}

fn check_path(path: &str) -> Result<(), &'static str> {
    let allowed =
        |character: char| character.is_ascii_alphanumeric() || "/-._~".contains(character);
    if !path.starts_with('/') {
        Err("it must begin with /")
    } else if path.len() > 256 {
        Err("it has more than 256 characters")
    } else if !path.chars().all(allowed) {
        Err("it may have letters, digits and / - . _ ~")
    } else if path.contains("//") || path.split('/').any(|segment| matches!(segment, "." | "..")) {
        Err("it has a segment that is empty or made of dots")
    } else {
        Ok(())
    }
}

fn is_within(path: &str, reserved: &str) -> bool {
    let reserved = reserved.trim_end_matches('/');
    // "/" reserves only itself, or nothing would be left.
    if reserved.is_empty() {
        return path == "/";
    }
    path.strip_prefix(reserved)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
