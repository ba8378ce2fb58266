//! Runs a pipeline once: step after step, with deadlines, an error strategy and
//! compensations.

use std::{sync::Arc, time::Duration};

use outboard_contracts::value::Map;
use serde_json::Value;
use tokio::{sync::watch, time::Instant};

use super::{
    MAX_KEPT_INPUTS, PipelineContext, RunError, RunStatus, StepRecord, kept_input, slot::StepSlot,
};
use crate::engine::{
    EngineError, StepCall, StepResult, TypeRegistry, guard, suggest,
    workflow_file::{ErrorStrategy, PipelineDefinition},
};

/// The most steps that one run executes; a `next_step` that leads back is a loop.
pub const MAX_STEPS_PER_RUN: usize = 10_000;

/// A pipeline with the places of its steps.
pub(crate) struct Pipeline {
    pub(crate) name: String,
    pub(crate) timeout: Option<Duration>,
    on_error: ErrorStrategy,
    steps: Vec<Step>,
}

struct Step {
    slot: StepSlot,
    compensation: Option<StepSlot>,
}

/// Who is told what happens.
pub(crate) trait Observer: Send + Sync {
    /// Its record says `running`, and another one follows when it has ended.
    fn step_started(&self, record: StepRecord);
    fn step_finished(&self, record: StepRecord);
    fn compensation_finished(&self, record: StepRecord);
}

/// How a run ended.
pub(crate) struct Outcome {
    pub(crate) status: RunStatus,
    pub(crate) output: Map,
    pub(crate) error: Option<RunError>,
}

impl Pipeline {
    pub(crate) fn new(
        definition: &PipelineDefinition,
        registry: &Arc<TypeRegistry>,
        step_timeout: Duration,
        extra: &Map,
    ) -> Self {
        let slot = |name: &str, step_type: &str, config: &super::ConfigTemplate, timeout| {
            let mut config = config.clone();
            for (key, value) in extra {
                config.insert(key, value.clone());
            }
            StepSlot::new(
                name.to_owned(),
                step_type.to_owned(),
                config,
                Option::unwrap_or(timeout, step_timeout),
                Arc::clone(registry),
            )
        };
        let steps = definition
            .steps
            .iter()
            .map(|step| Step {
                slot: slot(&step.name, &step.step_type, &step.config, step.timeout),
                compensation: step
                    .compensate
                    .as_ref()
                    .map(|undo| slot(&step.name, &undo.step_type, &undo.config, undo.timeout)),
            })
            .collect();
        Self {
            name: definition.name.clone(),
            timeout: definition.timeout,
            on_error: definition.on_error,
            steps,
        }
    }

    fn slots(&self) -> impl Iterator<Item = &StepSlot> {
        self.steps
            .iter()
            .flat_map(|step| [Some(&step.slot), step.compensation.as_ref()])
            .flatten()
    }

    /// Whether a step is of a type of that plugin.
    pub(crate) fn uses(&self, plugin: &str) -> bool {
        self.slots()
            .any(|slot| slot.plugin().as_deref() == Some(plugin))
    }

    /// Makes the steps that do not depend on a run.
    pub(crate) async fn prepare(&self) -> Result<(), EngineError> {
        for slot in self.slots() {
            slot.prepare()
                .await
                .map_err(|error| error.during("create step", &slot.name))?;
        }
        Ok(())
    }

    /// The same for those whose type is there; the others are left for later.
    pub(crate) async fn prepare_known(&self) -> Result<(), EngineError> {
        for slot in self.slots().filter(|slot| slot.plugin().is_some()) {
            slot.prepare()
                .await
                .map_err(|error| error.during("create step", &slot.name))?;
        }
        Ok(())
    }

    /// Names, types and, where the type is there, plugins of all steps and
    /// compensations.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&str, &str, Option<String>)> {
        self.slots()
            .map(|slot| (slot.name.as_str(), slot.step_type.as_str(), slot.plugin()))
    }

    /// Destroys the steps that a plugin made, or all of them.
    pub(crate) async fn destroy(&self, plugin: Option<&str>) {
        for slot in self.slots() {
            slot.destroy(plugin).await;
        }
    }

    /// Runs once. `cancelled` turns true when the run is no longer wanted; then, as
    /// when the future is dropped, nothing is compensated.
    pub(crate) async fn run(
        &self,
        mut context: PipelineContext,
        run: &str,
        observer: &dyn Observer,
        cancelled: watch::Receiver<bool>,
    ) -> Outcome {
        let mut execution = Execution::begin(run);
        let limits = Limits {
            pipeline: &self.name,
            until: self
                .timeout
                .map(|timeout| (Instant::now() + timeout, timeout)),
            cancelled,
        };
        let mut done: Vec<usize> = Vec::new();
        let mut output = Map::new();
        let mut position = 0;
        let mut executed = 0;
        let failure = loop {
            let Some(step) = self.steps.get(position) else {
                break None;
            };
            let name = step.slot.name.as_str();
            if executed == MAX_STEPS_PER_RUN {
                let message =
                    format!("it executed {MAX_STEPS_PER_RUN} steps; next_step leads in a circle");
                break Some((
                    EngineError::failed(format!("pipeline {:?}", self.name), message),
                    name,
                ));
            }
            executed += 1;
            let mut record = execution.record(&step.slot);
            let config = execution.config(&step.slot, &context, &mut record);
            observer.step_started(record.clone());
            let started = Instant::now();
            let outcome = step
                .slot
                .execute(config, &context, run, Some(&limits))
                .await;
            record.duration = started.elapsed();
            let result = match outcome {
                Ok(result) => result,
                Err(error) => {
                    // The run's own end is not the step's failure: nothing is skipped then.
                    let skip = self.on_error == ErrorStrategy::Skip && !limits.is_over();
                    let status = if skip {
                        RunStatus::Skipped
                    } else {
                        RunStatus::of(&error)
                    };
                    let mut skipped = Map::new();
                    if skip {
                        skipped.insert("_error".to_owned(), Value::String(error.to_string()));
                        skipped.insert("_skipped".to_owned(), Value::Bool(true));
                        context.set_step_output(name, skipped.clone());
                    }
                    let cause = RunError::new(error.clone(), Some(name));
                    record.status = status;
                    record.output = skipped;
                    record.error = Some(cause);
                    observer.step_finished(record);
                    if skip {
                        position += 1;
                        continue;
                    }
                    break Some((error, name));
                }
            };
            let StepResult {
                output: said,
                next_step,
                stop,
            } = result;
            record.status = RunStatus::Succeeded;
            record.output.clone_from(&said);
            observer.step_finished(record);
            context.merge_step_output(name, said.clone());
            output = said;
            done.retain(|index| *index != position);
            done.push(position);
            if stop {
                break None;
            }
            position = match next_step.filter(|next| !next.is_empty()) {
                None => position + 1,
                Some(next) => match self.steps.iter().position(|step| step.slot.name == next) {
                    Some(index) => index,
                    None => {
                        let names = self.steps.iter().map(|step| step.slot.name.as_str());
                        let nearest = suggest::nearest(&next, names);
                        break Some((
                            EngineError::NotFound {
                                what: "step",
                                name: next,
                                nearest,
                            },
                            name,
                        ));
                    }
                },
            };
        };
        let Some((error, step)) = failure else {
            return Outcome {
                status: RunStatus::Succeeded,
                output,
                error: None,
            };
        };
        let status = RunStatus::of(&error);
        if self.on_error == ErrorStrategy::Compensate && status != RunStatus::Cancelled {
            self.compensate(&done, &context, &mut execution, observer)
                .await;
        }
        Outcome {
            status,
            output,
            error: Some(RunError::new(error, Some(step))),
        }
    }

    /// Undoes what was done, last first. One that fails is reported; the others run.
    async fn compensate(
        &self,
        done: &[usize],
        context: &PipelineContext,
        execution: &mut Execution<'_>,
        observer: &dyn Observer,
    ) {
        for index in done.iter().rev() {
            let Some(slot) = &self.steps[*index].compensation else {
                continue;
            };
            let mut record = execution.record(slot);
            let config = execution.config(slot, context, &mut record);
            let run = execution.run;
            let started = Instant::now();
            let outcome = slot.execute(config, context, run, None).await;
            record.duration = started.elapsed();
            match outcome {
                Ok(result) => {
                    record.status = RunStatus::Succeeded;
                    record.output = result.output;
                }
                Err(error) => {
                    tracing::warn!(pipeline = self.name, step = slot.name, run, %error,
                        "a compensation failed");
                    record.status = RunStatus::of(&error);
                    record.error = Some(RunError::new(error, Some(&slot.name)));
                }
            }
            observer.compensation_finished(record);
        }
    }
}

/// What the records of one run's steps have in common.
struct Execution<'a> {
    run: &'a str,
    began: Instant,
    /// How many bytes of inputs may still be kept.
    left: usize,
}

impl<'a> Execution<'a> {
    fn begin(run: &'a str) -> Execution<'a> {
        Execution {
            run,
            began: Instant::now(),
            left: MAX_KEPT_INPUTS,
        }
    }

    /// The record of a step that begins now.
    fn record(&self, slot: &StepSlot) -> StepRecord {
        let (plugin, plugin_version) = slot.plugin_and_version().unzip();
        StepRecord {
            name: slot.name.clone(),
            step_type: slot.step_type.clone(),
            plugin,
            plugin_version,
            status: RunStatus::Running,
            offset: self.began.elapsed(),
            duration: Duration::ZERO,
            input: None,
            output: Map::new(),
            error: None,
        }
    }

    /// The config of a step for this run; its record keeps what may be kept of it.
    fn config(
        &mut self,
        slot: &StepSlot,
        context: &PipelineContext,
        record: &mut StepRecord,
    ) -> Result<Map, EngineError> {
        let config = slot.config.resolve(context)?;
        let shown = slot.config.shown(&config, context);
        let (input, bytes) = kept_input(shown, self.left);
        self.left -= bytes;
        record.input = Some(input);
        Ok(config)
    }
}

/// What ends a run before its steps do.
struct Limits<'a> {
    pipeline: &'a str,
    until: Option<(Instant, Duration)>,
    cancelled: watch::Receiver<bool>,
}

impl Limits<'_> {
    fn is_over(&self) -> bool {
        *self.cancelled.borrow() || self.until.is_some_and(|(until, _)| Instant::now() >= until)
    }

    /// Ends with an error when the run must end.
    async fn end(&self) -> EngineError {
        let mut cancelled = self.cancelled.clone();
        let cancelled = async {
            // Whoever could cancel is gone: then nobody does.
            if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let what = format!("pipeline {:?}", self.pipeline);
        match self.until {
            None => {
                cancelled.await;
                EngineError::Cancelled { what }
            }
            Some((until, after)) => tokio::select! {
                biased;
                () = cancelled => EngineError::Cancelled { what },
                () = tokio::time::sleep_until(until) => EngineError::Timeout { what, after },
            },
        }
    }
}

impl StepSlot {
    /// One call, within the step's timeout and the limits of the run.
    async fn execute(
        &self,
        config: Result<Map, EngineError>,
        context: &PipelineContext,
        run: &str,
        limits: Option<&Limits<'_>>,
    ) -> Result<StepResult, EngineError> {
        let remaining = limits
            .and_then(|limits| limits.until)
            .map(|(until, _)| until.saturating_duration_since(Instant::now()));
        let timeout = remaining.map_or(self.timeout, |remaining| remaining.min(self.timeout));
        let work = async {
            let config = config?;
            let leased = self.lease(&config).await?;
            let call = StepCall {
                context,
                config: &config,
                run,
                timeout,
            };
            leased.step.execute(&call).await
        };
        let work = guard::call(|| format!("step {:?}", self.name), Some(self.timeout), work);
        match limits {
            None => work.await,
            // The run's end comes first: when both are due, the run is what timed out.
            Some(limits) => tokio::select! {
                biased;
                error = limits.end() => Err(error),
                outcome = work => outcome,
            },
        }
    }
}
