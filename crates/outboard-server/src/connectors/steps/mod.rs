//! `step.connector`: a step of a pipeline that calls a connector's operation.
//!
//! ```yaml
//! - name: issue
//!   type: step.connector
//!   config:
//!     connector: github
//!     operation: create_issue
//!     instance: work                 # not needed if there is only one
//!     input: { title: "{{ trigger.title }}", body: "{{ steps.report.text }}" }
//!     timeout: 10s
//!     confirm: true                  # for a destructive operation
//! ```

mod config;

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use outboard_connector::host::{Caller, ConnectorHost, HostError, HostErrorKind};
use outboard_contracts::manifest::PluginManifest;
use outboard_workflow::engine::{
    EngineError, EnginePlugin, Map, NativePlugin, PipelineStep, PluginFailure, StepCall,
    StepFactory, StepResult, step_factory, workflow_file::Workflow,
};
use serde_json::Value;

use self::config::{Target, make, request};

/// The type of the steps that call connectors.
pub const CONNECTOR_STEP: &str = "step.connector";
/// The plugin that brings it. No plugin on disk has the name of the product.
const OWNER: &str = "outboard-connectors";

/// Brings [`CONNECTOR_STEP`] to an engine.
///
/// `config` of such a step has `connector` and `operation`, which are fixed; `instance`
/// or, instead of one, `config` with values for this call alone; `input`, an object;
/// `timeout`, at most that of the step and the same unless set; and `confirm: true` for an
/// operation that is destructive. All but the first two may have placeholders.
///
/// The step is not made if the connector is not installed, has no such operation, or does
/// not take such an input as far as that is known then. Its output is the result of the
/// operation, if that is an object; any other becomes the field `result`. A failure fails
/// the step: [`PluginFailure`] says how, and an operation's own code stands in the text in
/// brackets. A run that is cancelled cancels the call.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use outboard_connector::host::{ConnectorHost, HostConfig};
/// use outboard_server::ConnectorSteps;
/// use outboard_workflow::engine::Engine;
///
/// let engine = Engine::builder().build()?;
/// let host = ConnectorHost::open(HostConfig::new("/var/lib/outboard"))?;
/// engine.registry().register(&ConnectorSteps::new(host))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ConnectorSteps {
    host: ConnectorHost,
}

/// Why a step of a workflow cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepProblem {
    /// The pipeline.
    pub pipeline: String,
    /// The step, or the one whose compensation it is about.
    pub step: String,
    /// What is wrong, and what to do about it.
    pub reason: String,
}

impl fmt::Display for StepProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StepProblem {
            pipeline,
            step,
            reason,
        } = self;
        write!(formatter, "pipeline {pipeline:?}, step {step:?}: {reason}")
    }
}

impl ConnectorSteps {
    /// Steps that call the connectors of this host.
    pub fn new(host: ConnectorHost) -> ConnectorSteps {
        ConnectorSteps { host }
    }

    /// What is wrong with the steps of this type in a workflow, without making any and
    /// without starting a process. Empty if all of them can be made.
    pub async fn check(&self, workflow: &Workflow) -> Vec<StepProblem> {
        let mut problems = Vec::new();
        for pipeline in &workflow.pipelines {
            for step in &pipeline.steps {
                let undo = step.compensate.as_ref();
                let parts = [
                    Some((&step.step_type, &step.config)),
                    undo.map(|undo| (&undo.step_type, &undo.config)),
                ];
                for (step_type, config) in parts.into_iter().flatten() {
                    if step_type != CONNECTOR_STEP {
                        continue;
                    }
                    if let Err(reason) = make(&self.host, config.source()).await {
                        problems.push(StepProblem {
                            pipeline: pipeline.name.clone(),
                            step: step.name.clone(),
                            reason,
                        });
                    }
                }
            }
        }
        problems
    }
}

impl NativePlugin for ConnectorSteps {
    fn name(&self) -> &str {
        OWNER
    }

    fn version(&self) -> Cow<'_, str> {
        env!("CARGO_PKG_VERSION").into()
    }

    fn description(&self) -> Cow<'_, str> {
        "Calls connectors from pipelines".into()
    }
}

impl EnginePlugin for ConnectorSteps {
    fn engine_manifest(&self) -> PluginManifest {
        PluginManifest {
            name: OWNER.to_owned(),
            version: self.version().into_owned(),
            author: "Outboard".to_owned(),
            description: self.description().into_owned(),
            step_types: vec![CONNECTOR_STEP.to_owned()],
            ..PluginManifest::default()
        }
    }

    fn step_factories(&self) -> BTreeMap<String, Arc<dyn StepFactory>> {
        let host = self.host.clone();
        let factory = step_factory(move |name, config| {
            let host = host.clone();
            async move {
                let target = make(&host, &config).await.map_err(|reason| {
                    EngineError::invalid_config(format!("step {name:?}"), reason)
                })?;
                let step = ConnectorStep { name, host, target };
                Ok(Arc::new(step) as Arc<dyn PipelineStep>)
            }
        });
        BTreeMap::from([(CONNECTOR_STEP.to_owned(), factory)])
    }
}

struct ConnectorStep {
    name: String,
    host: ConnectorHost,
    target: Target,
}

#[async_trait]
impl PipelineStep for ConnectorStep {
    fn name(&self) -> &str {
        &self.name
    }

    async fn execute(&self, call: &StepCall<'_>) -> Result<StepResult, EngineError> {
        let request = request(call.config, call.timeout).map_err(|reason| {
            EngineError::invalid_config(format!("step {:?}", self.name), reason)
        })?;
        let after = Duration::from_millis(request.timeout_ms.unwrap_or_default());
        let pipeline = call.context.metadata().get("pipeline");
        let pipeline = pipeline.and_then(Value::as_str).unwrap_or_default();
        let caller = Caller {
            name: format!("pipeline {pipeline}"),
            request_id: call.run.to_owned(),
        };
        let Target {
            connector,
            operation,
        } = &self.target;
        let called = self.host.call(connector, operation, request, caller, None);
        match called.await {
            Ok(answer) => match serde_json::to_value(&answer.result) {
                Ok(result) => Ok(StepResult::output(output(result))),
                Err(error) => Err(EngineError::failed(format!("step {:?}", self.name), error)),
            },
            Err(error) => Err(engine_error(&self.name, &self.target, &error, after)),
        }
    }
}

fn output(result: Value) -> Map {
    match result {
        Value::Object(fields) => fields,
        other => Map::from_iter([("result".to_owned(), other)]),
    }
}

fn engine_error(step: &str, target: &Target, error: &HostError, after: Duration) -> EngineError {
    use HostErrorKind as Kind;
    let Target {
        connector,
        operation,
    } = target;
    let what = format!("step {step:?}: operation {operation:?}");
    let hint = error
        .what_to_do()
        .map_or_else(String::new, |hint| format!("; {hint}"));
    let message = match error.kind() {
        Kind::Operation { code } if !error.message().contains(&format!("[{code}]")) => {
            format!("[{code}] {}{hint}", error.message())
        }
        _ => format!("{}{hint}", error.message()),
    };
    let failure = match error.kind() {
        Kind::Deadline => {
            let what = format!("{what} of connector {connector:?}");
            return EngineError::Timeout { what, after };
        }
        Kind::InvalidName | Kind::InvalidInput | Kind::NotConfigured => {
            return EngineError::invalid_config(format!("step {step:?}"), message);
        }
        Kind::State | Kind::Internal => {
            return EngineError::failed(format!("{what} of connector {connector:?}"), message);
        }
        Kind::Operation { .. } | Kind::Refused | Kind::SignIn => PluginFailure::Refused,
        Kind::TooLarge => PluginFailure::BadRequest,
        // It is gone, disabled, broken, busy or stopping: there is nobody to answer.
        _ => PluginFailure::Unavailable,
    };
    EngineError::Plugin {
        plugin: connector.clone(),
        operation: what,
        failure,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outboard_workflow::engine::EngineErrorKind;
    use serde_json::json;

    #[test]
    fn an_object_is_the_output_and_anything_else_stands_in_it() {
        for (result, expected) in [
            (json!({ "id": 3 }), json!({ "id": 3 })),
            (json!([1]), json!({ "result": [1] })),
            (Value::Null, json!({ "result": null })),
        ] {
            assert_eq!(Value::Object(output(result)), expected);
        }
    }

    #[test]
    fn a_failure_keeps_what_callers_branch_on() {
        use HostErrorKind as Kind;
        let target = Target {
            connector: "github".to_owned(),
            operation: "get".to_owned(),
        };
        let fail = |kind| {
            let error = HostError::new(kind, "no").hint("look");
            engine_error("fetch", &target, &error, Duration::from_secs(1))
        };
        let code = "rate_limited".to_owned();
        let refused = fail(Kind::Operation { code });
        assert_eq!(
            refused.kind(),
            EngineErrorKind::Plugin(PluginFailure::Refused)
        );
        assert_eq!(
            refused.to_string(),
            "plugin \"github\": step \"fetch\": operation \"get\": [rate_limited] no; look"
        );
        for (kind, expected) in [
            (Kind::Deadline, EngineErrorKind::Timeout),
            (Kind::InvalidInput, EngineErrorKind::InvalidConfig),
            (Kind::NotConfigured, EngineErrorKind::InvalidConfig),
            (
                Kind::Refused,
                EngineErrorKind::Plugin(PluginFailure::Refused),
            ),
            (
                Kind::Misbehaved,
                EngineErrorKind::Plugin(PluginFailure::Unavailable),
            ),
            (
                Kind::Disabled,
                EngineErrorKind::Plugin(PluginFailure::Unavailable),
            ),
            (
                Kind::TooLarge,
                EngineErrorKind::Plugin(PluginFailure::BadRequest),
            ),
            (Kind::State, EngineErrorKind::Failed),
        ] {
            assert_eq!(fail(kind).kind(), expected);
        }
    }
}
