//! What can go wrong in the engine, as data that callers branch on.

use std::time::Duration;

use super::workflow_file::Problems;

/// An error of the engine or of something that plugs into it.
///
/// The text names the plugin, the type or the step, says what happened and, where
/// one exists, the remedy. Callers decide by [`EngineError::kind`].
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A plugin's name, version or manifest is unusable.
    #[error("plugin {plugin:?} cannot be used: {reason}")]
    InvalidPlugin {
        /// The plugin, as it names itself.
        plugin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A plugin of that name is registered.
    #[error("plugin {plugin:?} is already registered")]
    AlreadyRegistered {
        /// Its name.
        plugin: String,
    },
    /// There is no plugin of that name.
    #[error("plugin {plugin:?} is not registered")]
    NotRegistered {
        /// The name.
        plugin: String,
    },
    /// The plugin is registered, but not enabled.
    #[error("plugin {plugin:?} is not enabled")]
    NotEnabled {
        /// Its name.
        plugin: String,
    },
    /// A plugin, module or trigger could not be brought from one state to another.
    #[error("{transition} {name:?}: {source}")]
    Transition {
        /// What should have happened, such as `enable` or `start module`.
        transition: &'static str,
        /// With which plugin, module or trigger.
        name: String,
        /// Why it did not.
        source: Box<EngineError>,
    },
    /// A plugin needs another that is not there.
    #[error(
        "plugin {plugin:?} depends on {dependency:?}, which is not registered; install it or load it first"
    )]
    MissingDependency {
        /// Who needs it.
        plugin: String,
        /// Who is missing.
        dependency: String,
    },
    /// A plugin needs another version of one that is there.
    #[error(
        "plugin {plugin:?}: dependency {dependency:?} version {found} does not satisfy {required}"
    )]
    DependencyMismatch {
        /// Who needs it.
        plugin: String,
        /// Whose version is wrong.
        dependency: String,
        /// The version that is there.
        found: String,
        /// The constraint.
        required: String,
    },
    /// Plugins or modules that depend on each other in a circle.
    #[error("circular dependency: {}", path.join(" -> "))]
    DependencyCycle {
        /// The circle; the first name is repeated at the end.
        path: Vec<String>,
    },
    /// Others depend on what should go.
    #[error("{what} is needed by {}", by.join(", "))]
    Required {
        /// What should go.
        what: String,
        /// Who needs it.
        by: Vec<String>,
    },
    /// Two plugins claim one type.
    #[error(
        "plugin {plugin:?}: {kind} type {type_name:?} is already registered by plugin {owner:?}; remove one of the two"
    )]
    TypeConflict {
        /// What kind of type.
        kind: TypeKind,
        /// The type.
        type_name: String,
        /// Who came second.
        plugin: String,
        /// Who has it.
        owner: String,
    },
    /// Nobody provides a type.
    #[error("unknown {kind} type {type_name:?}{}", suggestion(nearest.as_deref()))]
    UnknownType {
        /// What kind of type.
        kind: TypeKind,
        /// The type.
        type_name: String,
        /// The known type that is spelled most like it.
        nearest: Option<String>,
    },
    /// Two contracts of one name differ, or a contract has no name.
    #[error("capability {capability:?}: {reason}")]
    Capability {
        /// Its name.
        capability: String,
        /// What is wrong.
        reason: String,
    },
    /// A capability that has no contract.
    #[error("capability {capability:?} is not registered")]
    UnknownCapability {
        /// Its name.
        capability: String,
    },
    /// A capability that nobody provides.
    #[error("capability {capability:?} has no provider")]
    NoProvider {
        /// Its name.
        capability: String,
    },
    /// Required capabilities that nobody provides.
    #[error("missing required capabilities: {}", names.join(", "))]
    MissingCapabilities {
        /// Their names, sorted.
        names: Vec<String>,
    },
    /// The workflow file has problems.
    #[error("{0}")]
    InvalidWorkflow(Problems),
    /// A config value that a factory, a module or a step cannot use.
    #[error("{what}: {reason}")]
    InvalidConfig {
        /// Which module, step or trigger.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What somebody asked for makes no sense, whatever the state.
    #[error("{what}: {reason}")]
    BadInput {
        /// What was given.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A module, pipeline or service that does not exist.
    #[error("there is no {what} {name:?}{}", suggestion(nearest.as_deref()))]
    NotFound {
        /// `pipeline`, `module`, `service`, `run`.
        what: &'static str,
        /// The name that was asked for.
        name: String,
        /// The existing name that is spelled most like it.
        nearest: Option<String>,
    },
    /// Something that exists twice.
    #[error("{what} {name:?} already exists")]
    Duplicate {
        /// What.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A placeholder that could not be looked up.
    #[error("{{{{ {placeholder} }}}}: {reason}")]
    Template {
        /// What stands between the braces.
        placeholder: String,
        /// Why it has no value.
        reason: String,
    },
    /// A call that did not end in time.
    #[error("{what} did not end within {after:?}")]
    Timeout {
        /// Which call.
        what: String,
        /// The deadline it had.
        after: Duration,
    },
    /// A call that somebody cancelled.
    #[error("{what} was cancelled")]
    Cancelled {
        /// Which call.
        what: String,
    },
    /// A call that does not fit the state something is in.
    #[error("{what}: {reason}")]
    State {
        /// Of what.
        what: String,
        /// Which state it is in and which one the call needs.
        reason: String,
    },
    /// A plugin cannot go, it is in use.
    #[error("plugin {plugin:?} is in use by {}; stop them or force it", by.join(", "))]
    InUse {
        /// The plugin.
        plugin: String,
        /// Modules and running pipelines.
        by: Vec<String>,
    },
    /// More work than the engine accepts at once.
    #[error("{what}: {limit} at once is the limit; try again later")]
    Busy {
        /// Of what.
        what: String,
        /// The limit.
        limit: usize,
    },
    /// A plugin failed a call.
    #[error("plugin {plugin:?}: {operation}: {message}")]
    Plugin {
        /// Which plugin.
        plugin: String,
        /// Which operation, with the module's or step's name.
        operation: String,
        /// How it failed.
        failure: PluginFailure,
        /// What it said, or what is known about its end.
        message: String,
    },
    /// Our own or a plugin's code panicked; the call failed, nothing else.
    #[error("{what} panicked: {message}")]
    Panicked {
        /// Which call.
        what: String,
        /// The panic's text.
        message: String,
    },
    /// A module or step failed in its own words.
    #[error("{what}: {message}")]
    Failed {
        /// Which module or step, doing what.
        what: String,
        /// What it said.
        message: String,
    },
    /// State could not be kept or read.
    #[error("plugin state: {0}")]
    Store(String),
}

/// What callers branch on; see [`EngineError`] for the meanings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "RunErrorKind")
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[allow(missing_docs)] // each is the variant of the same name
pub enum EngineErrorKind {
    InvalidPlugin,
    AlreadyRegistered,
    NotRegistered,
    NotEnabled,
    MissingDependency,
    DependencyMismatch,
    DependencyCycle,
    Required,
    TypeConflict,
    UnknownType,
    Capability,
    UnknownCapability,
    NoProvider,
    MissingCapabilities,
    InvalidWorkflow,
    InvalidConfig,
    BadInput,
    NotFound,
    Duplicate,
    Template,
    Timeout,
    Cancelled,
    State,
    InUse,
    Busy,
    Plugin(PluginFailure),
    Panicked,
    Failed,
    Store,
}

/// How a plugin failed a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PluginFailure {
    /// It answered that it cannot or will not: an error in its own words.
    Refused,
    /// Its process is gone, or the connection to it.
    Unavailable,
    /// It did not answer in time.
    Timeout,
    /// It does not implement the call.
    Unsupported,
    /// It answered with something that has no meaning.
    BadAnswer,
    /// What it should get cannot be carried to it.
    BadRequest,
}

/// The kinds of types that plugins add.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeKind {
    /// A type of [`super::Module`].
    Module,
    /// A type of [`super::PipelineStep`].
    Step,
    /// A type of [`super::Trigger`].
    Trigger,
    /// A type of [`super::WorkflowHandler`].
    Workflow,
}

impl std::fmt::Display for TypeKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Module => "module",
            Self::Step => "step",
            Self::Trigger => "trigger",
            Self::Workflow => "workflow",
        })
    }
}

impl EngineError {
    /// What callers branch on. A refused transition has the kind of its cause.
    pub fn kind(&self) -> EngineErrorKind {
        match self {
            Self::InvalidPlugin { .. } => EngineErrorKind::InvalidPlugin,
            Self::AlreadyRegistered { .. } => EngineErrorKind::AlreadyRegistered,
            Self::NotRegistered { .. } => EngineErrorKind::NotRegistered,
            Self::NotEnabled { .. } => EngineErrorKind::NotEnabled,
            Self::Transition { source, .. } => source.kind(),
            Self::MissingDependency { .. } => EngineErrorKind::MissingDependency,
            Self::DependencyMismatch { .. } => EngineErrorKind::DependencyMismatch,
            Self::DependencyCycle { .. } => EngineErrorKind::DependencyCycle,
            Self::Required { .. } => EngineErrorKind::Required,
            Self::TypeConflict { .. } => EngineErrorKind::TypeConflict,
            Self::UnknownType { .. } => EngineErrorKind::UnknownType,
            Self::Capability { .. } => EngineErrorKind::Capability,
            Self::UnknownCapability { .. } => EngineErrorKind::UnknownCapability,
            Self::NoProvider { .. } => EngineErrorKind::NoProvider,
            Self::MissingCapabilities { .. } => EngineErrorKind::MissingCapabilities,
            Self::InvalidWorkflow(_) => EngineErrorKind::InvalidWorkflow,
            Self::InvalidConfig { .. } => EngineErrorKind::InvalidConfig,
            Self::BadInput { .. } => EngineErrorKind::BadInput,
            Self::NotFound { .. } => EngineErrorKind::NotFound,
            Self::Duplicate { .. } => EngineErrorKind::Duplicate,
            Self::Template { .. } => EngineErrorKind::Template,
            Self::Timeout { .. } => EngineErrorKind::Timeout,
            Self::Cancelled { .. } => EngineErrorKind::Cancelled,
            Self::State { .. } => EngineErrorKind::State,
            Self::InUse { .. } => EngineErrorKind::InUse,
            Self::Busy { .. } => EngineErrorKind::Busy,
            Self::Plugin { failure, .. } => EngineErrorKind::Plugin(*failure),
            Self::Panicked { .. } => EngineErrorKind::Panicked,
            Self::Failed { .. } => EngineErrorKind::Failed,
            Self::Store(_) => EngineErrorKind::Store,
        }
    }

    /// Says during what the error happened.
    pub(crate) fn during(self, transition: &'static str, name: &str) -> Self {
        Self::Transition {
            transition,
            name: name.to_owned(),
            source: Box::new(self),
        }
    }

    /// An error of a module or step in its own words.
    pub fn failed(what: impl Into<String>, message: impl std::fmt::Display) -> Self {
        Self::Failed {
            what: what.into(),
            message: message.to_string(),
        }
    }

    /// A config value that cannot be used.
    pub fn invalid_config(what: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::InvalidConfig {
            what: what.into(),
            reason: reason.to_string(),
        }
    }
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean {name:?}?"))
}
