//! What lists say about pipelines.

use serde::Serialize;

use crate::engine::workflow_file::{ErrorStrategy, PipelineDefinition, TriggerDefinition};

/// A pipeline, for lists.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Pipeline")
)]
pub struct PipelineInfo {
    /// Its name.
    pub name: String,
    /// What it is for, from the file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What happens when a step fails.
    pub on_error: ErrorStrategy,
    /// How long a run may take altogether, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Names and types of the steps, in order.
    pub steps: Vec<StepInfo>,
    /// What starts it besides a person, each in a few words.
    pub triggers: Vec<String>,
    /// The fields of its input that its steps look up, each once, in the order of the
    /// steps. For whoever fills in an input; not a part of the JSON.
    #[serde(skip)]
    pub inputs: Vec<String>,
}

/// A step of a pipeline, for lists.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "PipelineStep")
)]
pub struct StepInfo {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub step_type: String,
}

/// What a definition is in a list.
pub(super) fn info(
    definition: &PipelineDefinition,
    triggers: &[TriggerDefinition],
) -> PipelineInfo {
    let triggers = triggers
        .iter()
        .filter(|trigger| trigger.pipeline() == definition.name);
    let mut looked_up = Vec::new();
    for step in &definition.steps {
        step.config.trigger_fields(&mut looked_up);
    }
    let mut inputs: Vec<String> = Vec::new();
    for field in looked_up {
        if !inputs.iter().any(|known| known == field) {
            inputs.push(field.to_owned());
        }
    }
    PipelineInfo {
        inputs,
        name: definition.name.clone(),
        description: definition.description.clone(),
        on_error: definition.on_error,
        timeout_ms: definition
            .timeout
            .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
        steps: definition
            .steps
            .iter()
            .map(|step| StepInfo {
                name: step.name.clone(),
                step_type: step.step_type.clone(),
            })
            .collect(),
        triggers: triggers
            .map(|trigger| match trigger {
                TriggerDefinition::Http { method, path, .. } => format!("http {method} {path}"),
                TriggerDefinition::Schedule { every, .. } => format!("schedule every {every:?}"),
                TriggerDefinition::Plugin {
                    name, trigger_type, ..
                } => {
                    format!("{trigger_type} {name}")
                }
            })
            .collect(),
    }
}
