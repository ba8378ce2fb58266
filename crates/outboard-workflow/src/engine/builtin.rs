//! What the engine itself brings: `step.log`.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use outboard_contracts::{manifest::PluginManifest, value::Map};
use serde_json::Value;

use super::{
    BUILTIN_OWNER, EngineError, EnginePlugin, NativePlugin, PipelineStep, StepCall, StepFactory,
    StepResult, step_factory,
};

/// The step type that writes to the log.
pub const LOG_STEP: &str = "step.log";

/// The engine's own plugin.
pub(crate) struct Builtin;

#[async_trait]
impl NativePlugin for Builtin {
    fn name(&self) -> &str {
        BUILTIN_OWNER
    }

    fn version(&self) -> Cow<'_, str> {
        env!("CARGO_PKG_VERSION").into()
    }

    fn description(&self) -> Cow<'_, str> {
        "What the engine itself brings".into()
    }
}

impl EnginePlugin for Builtin {
    fn engine_manifest(&self) -> PluginManifest {
        PluginManifest {
            name: self.name().to_owned(),
            version: self.version().into_owned(),
            author: "Outboard".to_owned(),
            description: self.description().into_owned(),
            step_types: vec![LOG_STEP.to_owned()],
            ..PluginManifest::default()
        }
    }

    fn step_factories(&self) -> BTreeMap<String, Arc<dyn StepFactory>> {
        let log = step_factory(|name, config| async move {
            LogStep::new(name, &config).map(|step| Arc::new(step) as Arc<dyn PipelineStep>)
        });
        BTreeMap::from([(LOG_STEP.to_owned(), log)])
    }
}

/// Writes `message` at `level` to the log, and says `{"message": …}`.
struct LogStep {
    name: String,
    level: tracing::Level,
}

/// What a log line holds of a message, in characters.
const MAX_MESSAGE: usize = 8192;

impl LogStep {
    fn new(name: String, config: &Map) -> Result<Self, EngineError> {
        let invalid =
            |reason: String| EngineError::invalid_config(format!("step {name:?}"), reason);
        let level = match config.get("level") {
            None => tracing::Level::INFO,
            Some(Value::String(text)) => match text.as_str() {
                "debug" => tracing::Level::DEBUG,
                "info" => tracing::Level::INFO,
                "warn" => tracing::Level::WARN,
                "error" => tracing::Level::ERROR,
                other => {
                    return Err(invalid(format!(
                        "level {other:?} is none of debug, info, warn, error"
                    )));
                }
            },
            Some(_) => return Err(invalid("\"level\" must be a text".to_owned())),
        };
        if !config.contains_key("message") {
            return Err(invalid("\"message\" is missing".to_owned()));
        }
        if let Some(unknown) = config
            .keys()
            .find(|key| !key.starts_with('_') && !["message", "level"].contains(&key.as_str()))
        {
            return Err(invalid(format!(
                "unknown key {unknown:?}; it takes message and level"
            )));
        }
        Ok(Self { name, level })
    }
}

#[async_trait]
impl PipelineStep for LogStep {
    fn name(&self) -> &str {
        &self.name
    }

    async fn execute(&self, call: &StepCall<'_>) -> Result<StepResult, EngineError> {
        let message = match call.config.get("message") {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let line = one_line(&message);
        let (run, step) = (call.run, self.name.as_str());
        match self.level {
            tracing::Level::DEBUG => tracing::debug!(target: "outboard::step", run, step, "{line}"),
            tracing::Level::WARN => tracing::warn!(target: "outboard::step", run, step, "{line}"),
            tracing::Level::ERROR => tracing::error!(target: "outboard::step", run, step, "{line}"),
            _ => tracing::info!(target: "outboard::step", run, step, "{line}"),
        }
        Ok(StepResult::output(Map::from_iter([(
            "message".to_owned(),
            Value::String(message),
        )])))
    }
}

/// A message cannot forge further lines, nor fill the disk.
fn one_line(message: &str) -> String {
    let mut line: String = message
        .chars()
        .take(MAX_MESSAGE)
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    if message.chars().nth(MAX_MESSAGE).is_some() {
        line.push('…');
    }
    line
}
