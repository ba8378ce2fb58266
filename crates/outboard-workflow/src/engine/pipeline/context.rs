//! What is known about a run: what triggered it, and what its steps have said.

use std::collections::BTreeMap;

use outboard_contracts::value::Map;

/// The data of one run.
///
/// It belongs to the run alone: it is made from copies, and what steps do with
/// what they get from it does not change it. Only the outputs of steps are added.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PipelineContext {
    trigger_data: Map,
    step_outputs: BTreeMap<String, Map>,
    current: Map,
    metadata: Map,
}

impl PipelineContext {
    /// A context in which no step has run: `current` is the trigger's data.
    pub fn new(trigger_data: Map, metadata: Map) -> Self {
        Self {
            current: trigger_data.clone(),
            trigger_data,
            step_outputs: BTreeMap::new(),
            metadata,
        }
    }

    /// What triggered the run. It never changes.
    pub fn trigger_data(&self) -> &Map {
        &self.trigger_data
    }

    /// What each step that ran has said.
    pub fn step_outputs(&self) -> &BTreeMap<String, Map> {
        &self.step_outputs
    }

    /// What one step has said, if it ran.
    pub fn step_output(&self, step: &str) -> Option<&Map> {
        self.step_outputs.get(step)
    }

    /// The trigger's data with the outputs of all steps merged into it, later ones
    /// over earlier ones, key by key at the top level.
    pub fn current(&self) -> &Map {
        &self.current
    }

    /// About the run itself: `pipeline`, `run_id`, `started_at`, and what the caller added.
    pub fn metadata(&self) -> &Map {
        &self.metadata
    }

    /// Adds what a step has said. A step that ran before is replaced.
    pub fn merge_step_output(&mut self, step: &str, output: Map) {
        for (key, value) in &output {
            self.current.insert(key.clone(), value.clone());
        }
        self.step_outputs.insert(step.to_owned(), output);
    }

    pub(crate) fn set_step_output(&mut self, step: &str, output: Map) {
        self.step_outputs.insert(step.to_owned(), output);
    }
}
