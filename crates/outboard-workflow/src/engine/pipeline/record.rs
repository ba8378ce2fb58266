//! What is known about a run while it goes on and after it ended.

use std::time::Duration;

use jiff::Timestamp;
use outboard_contracts::value::Map;
use serde::{Serialize, Serializer};

use crate::engine::{EngineError, EngineErrorKind};

/// One execution of a pipeline.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Run")
)]
pub struct RunResult {
    /// Unique.
    pub id: String,
    /// Which pipeline.
    pub pipeline: String,
    /// What started it: `manual`, `http`, `schedule` or a plugin's trigger type.
    pub trigger: String,
    /// The trace that it belongs to, in 32 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// How it stands.
    pub status: RunStatus,
    /// When it began.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "String", extend("format" = "date-time"))
    )]
    pub started_at: Timestamp,
    /// How long it took; so far, while it goes on. In milliseconds in JSON.
    #[serde(rename = "duration_ms", serialize_with = "milliseconds")]
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    pub duration: Duration,
    /// What triggered it. A value whose JSON has more than 64 KiB is not remembered; a note
    /// of its length, `_bytes`, stands in its place. That goes for all inputs and outputs.
    pub input: Map,
    /// The output of the last step that was done.
    pub output: Map,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// The steps that ran, in the order in which they did; the last one may still run.
    pub steps: Vec<StepRecord>,
    /// The compensations that ran, in the order in which they did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compensations: Vec<StepRecord>,
}

/// A run without its data, for lists.
#[derive(Clone, Debug, Serialize)]
pub struct RunSummary {
    /// Unique.
    pub id: String,
    /// Which pipeline.
    pub pipeline: String,
    /// What started it: `manual`, `http`, `schedule` or a plugin's trigger type.
    pub trigger: String,
    /// How it stands.
    pub status: RunStatus,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took; so far, while it goes on. In milliseconds in JSON.
    #[serde(rename = "duration_ms", serialize_with = "milliseconds")]
    pub duration: Duration,
    /// Why it failed, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One execution of a step, or of what undoes it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "StepRecord")
)]
pub struct StepRecord {
    /// The step's name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub step_type: String,
    /// The plugin that did it, if its type was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// The version of that plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin_version: Option<String>,
    /// How it stands.
    pub status: RunStatus,
    /// How long after the run it began. In milliseconds in JSON.
    #[serde(rename = "offset_ms", serialize_with = "milliseconds")]
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    pub offset: Duration,
    /// How long it took; so far, while it goes on. In milliseconds in JSON.
    #[serde(rename = "duration_ms", serialize_with = "milliseconds")]
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    pub duration: Duration,
    /// Its config with the placeholders filled in; `None` if that failed. Secrets that can
    /// be told as such read as [`HIDDEN`](super::HIDDEN): what comes from the environment,
    /// and texts under keys such as `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Map>,
    /// What it said.
    pub output: Map,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
}

/// How a run or a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunStatus {
    /// It goes on.
    Running,
    /// It was done.
    Succeeded,
    /// It failed.
    Failed,
    /// It failed, and the pipeline says to go on. Only steps.
    Skipped,
    /// It did not end in time.
    TimedOut,
    /// Somebody ended it.
    Cancelled,
}

/// Why a run or a step failed.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunError {
    /// What programs branch on.
    pub kind: EngineErrorKind,
    /// For people.
    pub message: String,
    /// The step at which it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The error itself.
    #[serde(skip)]
    pub error: EngineError,
}

impl RunResult {
    /// The same without its data.
    pub fn summary(&self) -> RunSummary {
        RunSummary {
            id: self.id.clone(),
            pipeline: self.pipeline.clone(),
            trigger: self.trigger.clone(),
            status: self.status,
            started_at: self.started_at,
            duration: self.duration,
            error: self.error.as_ref().map(|error| error.message.clone()),
        }
    }

    /// Whether the run ended well.
    pub fn succeeded(&self) -> bool {
        self.status == RunStatus::Succeeded
    }

    /// The record of a step, of its last execution.
    pub fn step(&self, name: &str) -> Option<&StepRecord> {
        self.steps.iter().rev().find(|step| step.name == name)
    }
}

impl RunError {
    pub(crate) fn new(error: EngineError, step: Option<&str>) -> Self {
        Self {
            kind: error.kind(),
            message: error.to_string(),
            step: step.map(str::to_owned),
            error,
        }
    }
}

impl RunStatus {
    /// The status of something that failed in this way.
    pub(crate) fn of(error: &EngineError) -> Self {
        match error.kind() {
            EngineErrorKind::Timeout => Self::TimedOut,
            EngineErrorKind::Cancelled => Self::Cancelled,
            _ => Self::Failed,
        }
    }

    /// Its word, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it is over.
    pub fn is_final(self) -> bool {
        self != Self::Running
    }
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // Whole microseconds are enough, and exact in the JSON numbers of every language.
    serializer.serialize_f64(duration.as_micros() as f64 / 1000.0)
}
