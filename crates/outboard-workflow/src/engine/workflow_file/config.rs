//! The config values of a workflow file: placeholders that can be known to be wrong
//! are found here, before anything runs.

use outboard_contracts::value::Map;
use serde_json::Value;

use super::{
    CheckOptions,
    fields::{Report, join},
    node::{Content, Node},
};
use crate::engine::{
    pipeline::{ConfigTemplate, HIDDEN, Root, Template, TemplateError},
    suggest,
};

/// What placeholders can look up in a config.
pub(super) enum Scope<'a> {
    /// Only the environment: the config is used when the engine starts.
    Load,
    /// A run: the steps in `earlier` have an output by then, those in `all` exist.
    Run {
        earlier: &'a [&'a str],
        all: &'a [&'a str],
    },
}

/// Reads a config; `None` if it has problems.
pub(super) fn read(
    node: &Node,
    path: &str,
    scope: &Scope<'_>,
    options: &CheckOptions<'_>,
    report: &mut Report,
) -> Option<ConfigTemplate> {
    let before = report.problems.len();
    let config = match &node.content {
        Content::Mapping(entries) => {
            for entry in entries {
                check(&entry.node, &join(path, &entry.key), scope, options, report);
            }
            match node.to_value() {
                Value::Object(map) => map,
                _ => Map::new(),
            }
        }
        Content::Scalar(Value::Null) => Map::new(),
        _ => {
            report.add(
                node.place,
                path,
                format!("expected a mapping, found {}", node.kind()),
            );
            return None;
        }
    };
    if report.problems.len() > before {
        return None;
    }
    // What comes from the environment is hidden where the config is shown.
    let hidden = |_: String| HIDDEN.to_owned();
    let bound = filled_in(config.clone(), options, &|value| value)?;
    let shown = filled_in(config, options, &hidden)?;
    Some(bound.shown_as(shown))
}

/// The config with variables and environment in it. Every text was read by the check
/// already.
fn filled_in(
    config: Map,
    options: &CheckOptions<'_>,
    of_environment: &dyn Fn(String) -> String,
) -> Option<ConfigTemplate> {
    let read = |text: &str| -> Result<Template, TemplateError> {
        Ok(Template::parse(text)?.bind(
            |name| options.variables.get(name).cloned(),
            |name| (options.env)(name).map(of_environment),
        ))
    };
    ConfigTemplate::with(config, &read).ok()
}

fn check(
    node: &Node,
    path: &str,
    scope: &Scope<'_>,
    options: &CheckOptions<'_>,
    report: &mut Report,
) {
    match &node.content {
        Content::Mapping(entries) => {
            for entry in entries {
                check(&entry.node, &join(path, &entry.key), scope, options, report);
            }
        }
        Content::List(items) => {
            for (index, item) in items.iter().enumerate() {
                check(item, &format!("{path}[{index}]"), scope, options, report);
            }
        }
        Content::Scalar(Value::String(text)) => {
            check_text(text, node, path, scope, options, report)
        }
        Content::Scalar(_) => {}
    }
}

fn check_text(
    text: &str,
    node: &Node,
    path: &str,
    scope: &Scope<'_>,
    options: &CheckOptions<'_>,
    report: &mut Report,
) {
    let template = match Template::parse(text) {
        Ok(template) => template,
        Err(error) => return report.add_with_hint(node.place, path, error.message, error.hint),
    };
    for name in template.variables() {
        if !options.variables.contains_key(name) {
            let known = options.variables.keys().map(String::as_str);
            let hint = match suggest::nearest(name, known) {
                Some(nearest) => format!("did you mean ${{{nearest}}}?"),
                None => format!("for an environment variable write {{{{ env.{name} }}}}"),
            };
            report.add_with_hint(
                node.place,
                path,
                format!("unknown variable ${{{name}}}"),
                Some(hint),
            );
        }
    }
    for placeholder in template.placeholders() {
        let shown = format!("{{{{ {} }}}}", placeholder.text());
        match (placeholder.root(), scope) {
            (Root::Env(name), _) => {
                if (options.env)(name).is_none() {
                    let message = format!("{shown}: the environment variable {name} is not set");
                    report.add(node.place, path, message);
                }
            }
            (_, Scope::Load) => {
                let message = format!("{shown} has no value here");
                let hint = "this is read when the engine starts, before any run; only env.NAME and ${NAME} have values";
                report.add_with_hint(node.place, path, message, Some(hint.to_owned()));
            }
            (Root::Step(step), Scope::Run { earlier, all }) => {
                if earlier.contains(&step.as_str()) {
                    continue;
                }
                if all.contains(&step.as_str()) {
                    let message = format!("{shown}: step {step:?} has not run at this point");
                    let hint = "only steps further up have an output".to_owned();
                    report.add_with_hint(node.place, path, message, Some(hint));
                } else {
                    let hint = suggest::nearest(step, all.iter().copied())
                        .map(|nearest| format!("did you mean {nearest:?}?"));
                    let message = format!("{shown}: this pipeline has no step {step:?}");
                    report.add_with_hint(node.place, path, message, hint);
                }
            }
            (Root::Trigger | Root::Current | Root::Metadata, Scope::Run { .. }) => {}
        }
    }
}
