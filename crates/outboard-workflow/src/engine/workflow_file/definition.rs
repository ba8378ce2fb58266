//! What a workflow file says, checked.

use std::time::Duration;

use http::Method;
use outboard_contracts::value::Map;

use crate::engine::pipeline::ConfigTemplate;

/// A whole workflow file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workflow {
    /// Capabilities that some plugin must provide.
    pub required_capabilities: Vec<String>,
    /// Modules, in the order of the file.
    pub modules: Vec<ModuleDefinition>,
    /// Pipelines, in the order of the file.
    pub pipelines: Vec<PipelineDefinition>,
    /// Triggers, in the order of the file.
    pub triggers: Vec<TriggerDefinition>,
    /// What plugins may do besides what is their own, in the order of the file.
    pub plugins: Vec<PluginRights>,
}

/// What a plugin may call of the engine, besides its own triggers and modules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginRights {
    /// The plugin's name.
    pub plugin: String,
    /// Pipelines that it may start.
    pub may_trigger: Vec<String>,
    /// Services that it may ask for.
    pub may_look_up: Vec<String>,
}

impl PluginRights {
    /// No rights.
    pub fn none(plugin: &str) -> Self {
        Self {
            plugin: plugin.to_owned(),
            ..Self::default()
        }
    }
}

/// One module.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleDefinition {
    /// Unique among the modules.
    pub name: String,
    /// Its type.
    pub module_type: String,
    /// Its config, ready to use.
    pub config: Map,
    /// Modules that start before it, besides those it names itself.
    pub depends_on: Vec<String>,
}

/// One pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineDefinition {
    /// Unique among the pipelines.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// How long a run may take. `None`: as long as its steps may.
    pub timeout: Option<Duration>,
    /// What happens when a step fails.
    pub on_error: ErrorStrategy,
    /// At least one.
    pub steps: Vec<StepDefinition>,
}

/// What happens when a step fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorStrategy {
    /// The run fails.
    #[default]
    Stop,
    /// The step's output becomes `{"_error": "…", "_skipped": true}`, and the run goes on.
    Skip,
    /// The run fails after the compensations of the steps that were done have run,
    /// last step first.
    Compensate,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepDefinition {
    /// Unique in the pipeline.
    pub name: String,
    /// Its type.
    pub step_type: String,
    /// Its config.
    pub config: ConfigTemplate,
    /// How long a call may take. `None`: the engine's default.
    pub timeout: Option<Duration>,
    /// What undoes it.
    pub compensate: Option<CompensationDefinition>,
}

/// What undoes a step.
#[derive(Clone, Debug, PartialEq)]
pub struct CompensationDefinition {
    /// The type of the step that does it.
    pub step_type: String,
    /// Its config; the output of the step that is undone can be looked up.
    pub config: ConfigTemplate,
    /// How long a call may take. `None`: the engine's default.
    pub timeout: Option<Duration>,
}

/// One trigger.
#[derive(Clone, Debug, PartialEq)]
pub enum TriggerDefinition {
    /// A request to the server starts a run.
    Http {
        /// Which method.
        method: Method,
        /// Which path, exactly.
        path: String,
        /// Which pipeline.
        pipeline: String,
    },
    /// Time starts a run.
    Schedule {
        /// How long from one run to the next.
        every: Duration,
        /// Which pipeline.
        pipeline: String,
        /// The trigger data.
        input: Map,
    },
    /// A plugin's trigger starts a run.
    Plugin {
        /// Its name; the type and a number, if the file gives none.
        name: String,
        /// Its type.
        trigger_type: String,
        /// Which pipeline.
        pipeline: String,
        /// Its config, ready to use.
        config: Map,
    },
}

impl Workflow {
    /// The pipeline of that name.
    pub fn pipeline(&self, name: &str) -> Option<&PipelineDefinition> {
        self.pipelines.iter().find(|pipeline| pipeline.name == name)
    }

    /// Every module, step and trigger type that the file uses, sorted, without the
    /// builtin triggers. A host finds out from it which plugins are needed.
    pub fn used_types(&self) -> crate::engine::KnownTypes {
        let mut used = crate::engine::KnownTypes {
            modules: self
                .modules
                .iter()
                .map(|module| module.module_type.clone())
                .collect(),
            steps: self
                .pipelines
                .iter()
                .flat_map(|pipeline| &pipeline.steps)
                .flat_map(|step| {
                    let compensation = step.compensate.as_ref().map(|undo| undo.step_type.clone());
                    [Some(step.step_type.clone()), compensation]
                })
                .flatten()
                .collect(),
            triggers: self
                .triggers
                .iter()
                .filter_map(|trigger| match trigger {
                    TriggerDefinition::Plugin { trigger_type, .. } => Some(trigger_type.clone()),
                    _ => None,
                })
                .collect(),
        };
        for types in [&mut used.modules, &mut used.steps, &mut used.triggers] {
            types.sort();
            types.dedup();
        }
        used
    }
}

impl TriggerDefinition {
    /// The pipeline that it starts.
    pub fn pipeline(&self) -> &str {
        match self {
            Self::Http { pipeline, .. }
            | Self::Schedule { pipeline, .. }
            | Self::Plugin { pipeline, .. } => pipeline,
        }
    }

    /// Its type.
    pub fn trigger_type(&self) -> &str {
        match self {
            Self::Http { .. } => "http",
            Self::Schedule { .. } => "schedule",
            Self::Plugin { trigger_type, .. } => trigger_type,
        }
    }
}
