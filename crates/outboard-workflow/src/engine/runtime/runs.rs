//! The memory of runs, and what happens to them as events.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use outboard_contracts::value::Map;
use outboard_go_plugin::trace;
use serde::Serialize;
use tokio::sync::broadcast;

use super::observe::{EndedRun, EndedStep, RunObservers};
use crate::engine::pipeline::{
    Observer, Outcome, RunResult, RunStatus, RunSummary, StepRecord, shorten,
};

/// How many events a follower may lag behind.
const EVENTS: usize = 1024;

/// Something that happened to a run.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunEvent {
    /// It began.
    Started {
        /// The run's id.
        run: String,
        /// Its pipeline.
        pipeline: String,
        /// What started it.
        trigger: String,
    },
    /// A step of it ended, one way or the other.
    StepFinished {
        /// The run's id.
        run: String,
        /// Its pipeline.
        pipeline: String,
        /// The step, and how it ended. Its output is left to the run's own page.
        step: String,
        /// How it ended.
        status: RunStatus,
    },
    /// A schedule did not start runs that were due, because its last run went on or
    /// the machine slept.
    ScheduleSkipped {
        /// The pipeline.
        pipeline: String,
        /// How many runs.
        skipped: u64,
    },
    /// It ended.
    Finished {
        /// The run's id.
        run: String,
        /// Its pipeline.
        pipeline: String,
        /// How it ended.
        status: RunStatus,
    },
}

type Record = Arc<Mutex<Entry>>;

struct Entry {
    result: RunResult,
    began: Instant,
}

/// The last runs.
pub(super) struct History {
    runs: Mutex<VecDeque<Record>>,
    most: usize,
    events: broadcast::Sender<RunEvent>,
    pub(super) observers: RunObservers,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn view(record: &Record) -> RunResult {
    let entry = lock(record);
    let mut result = entry.result.clone();
    if !result.status.is_final() {
        result.duration = entry.began.elapsed();
        for step in &mut result.steps {
            if !step.status.is_final() {
                step.duration = result.duration.saturating_sub(step.offset);
            }
        }
    }
    result
}

impl History {
    pub(super) fn new(most: usize) -> History {
        History {
            runs: Mutex::default(),
            most,
            events: broadcast::channel(EVENTS).0,
            observers: RunObservers::default(),
        }
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<RunEvent> {
        self.events.subscribe()
    }

    pub(super) fn skipped(&self, pipeline: &str, skipped: u64) {
        let pipeline = pipeline.to_owned();
        // Nobody listening is fine.
        let _ = self
            .events
            .send(RunEvent::ScheduleSkipped { pipeline, skipped });
    }

    pub(super) fn all(&self) -> Vec<RunResult> {
        let records: Vec<Record> = lock(&self.runs).iter().rev().cloned().collect();
        records.iter().map(view).collect()
    }

    /// The same without their data, of which there may be much.
    pub(super) fn summaries(&self) -> Vec<RunSummary> {
        let records: Vec<Record> = lock(&self.runs).iter().rev().cloned().collect();
        let summary = |record: &Record| {
            let entry = lock(record);
            let mut summary = entry.result.summary();
            if !summary.status.is_final() {
                summary.duration = entry.began.elapsed();
            }
            summary
        };
        records.iter().map(summary).collect()
    }

    pub(super) fn get(&self, id: &str) -> Option<RunResult> {
        let records: Vec<Record> = lock(&self.runs).iter().cloned().collect();
        let record = records.iter().find(|record| lock(record).result.id == id)?;
        Some(view(record))
    }

    pub(super) fn begin(&self, pipeline: &str, trigger: &str, input: &Map) -> Recorder<'_> {
        let mut input = input.clone();
        shorten(&mut input);
        let id = uuid::Uuid::new_v4().to_string();
        let result = RunResult {
            id: id.clone(),
            pipeline: pipeline.to_owned(),
            trigger: trigger.to_owned(),
            trace_id: trace::current().map(|trace| trace.trace_id()),
            status: RunStatus::Running,
            started_at: jiff::Timestamp::now(),
            duration: std::time::Duration::ZERO,
            input,
            output: Map::new(),
            error: None,
            steps: Vec::new(),
            compensations: Vec::new(),
        };
        let record = Arc::new(Mutex::new(Entry {
            result,
            began: Instant::now(),
        }));
        {
            let mut runs = lock(&self.runs);
            if runs.len() >= self.most {
                // A run that goes on stays: somebody may look for it.
                let ended = |record: &Record| lock(record).result.status.is_final();
                if let Some(oldest) = runs.iter().position(ended) {
                    runs.remove(oldest);
                }
            }
            runs.push_back(Arc::clone(&record));
        }
        let recorder = Recorder {
            history: self,
            record,
            id,
            pipeline: pipeline.to_owned(),
            trigger: trigger.to_owned(),
        };
        recorder.tell(RunEvent::Started {
            run: recorder.id.clone(),
            pipeline: recorder.pipeline.clone(),
            trigger: trigger.to_owned(),
        });
        recorder
    }
}

/// Writes down one run while it goes on.
pub(super) struct Recorder<'a> {
    history: &'a History,
    record: Record,
    id: String,
    pipeline: String,
    trigger: String,
}

impl Recorder<'_> {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    fn tell(&self, event: RunEvent) {
        // Nobody listening is fine.
        let _ = self.history.events.send(event);
    }

    fn count(&self, record: &StepRecord) {
        let step = EndedStep {
            pipeline: &self.pipeline,
            step_type: &record.step_type,
            status: record.status,
            took: record.duration,
        };
        self.history
            .observers
            .each(|observer| observer.step_ended(&step));
    }

    pub(super) fn finish(self, outcome: Outcome) -> RunResult {
        {
            let mut entry = lock(&self.record);
            entry.result.duration = entry.began.elapsed();
            entry.result.status = outcome.status;
            entry.result.output = outcome.output;
            entry.result.error = outcome.error;
        }
        let result = view(&self.record);
        shorten_all(&mut lock(&self.record).result);
        result
    }
}

/// What is remembered of a run has bounds: longer outputs are replaced by a note.
fn shorten_all(run: &mut RunResult) {
    let steps = run.steps.iter_mut().chain(&mut run.compensations);
    for output in steps.map(|step| &mut step.output).chain([&mut run.output]) {
        shorten(output);
    }
}

impl Observer for Recorder<'_> {
    fn step_started(&self, record: StepRecord) {
        lock(&self.record).result.steps.push(record);
    }

    fn step_finished(&self, record: StepRecord) {
        self.count(&record);
        self.tell(RunEvent::StepFinished {
            run: self.id.clone(),
            pipeline: self.pipeline.clone(),
            step: record.name.clone(),
            status: record.status,
        });
        let mut entry = lock(&self.record);
        let steps = &mut entry.result.steps;
        // It takes the place of the one that said that it goes on.
        steps.pop_if(|last| !last.status.is_final());
        steps.push(record);
    }

    fn compensation_finished(&self, record: StepRecord) {
        self.count(&record);
        lock(&self.record).result.compensations.push(record);
    }
}

impl Drop for Recorder<'_> {
    /// A run whose future is dropped was cancelled.
    fn drop(&mut self) {
        let (status, took) = {
            let mut entry = lock(&self.record);
            if !entry.result.status.is_final() {
                entry.result.duration = entry.began.elapsed();
                entry.result.status = RunStatus::Cancelled;
                let duration = entry.result.duration;
                let steps = entry.result.steps.iter_mut();
                for step in steps.filter(|step| !step.status.is_final()) {
                    step.status = RunStatus::Cancelled;
                    step.duration = duration.saturating_sub(step.offset);
                }
            }
            (entry.result.status, entry.result.duration)
        };
        let run = EndedRun {
            pipeline: &self.pipeline,
            trigger: &self.trigger,
            status,
            took,
        };
        self.history
            .observers
            .each(|observer| observer.run_ended(&run));
        self.tell(RunEvent::Finished {
            run: self.id.clone(),
            pipeline: self.pipeline.clone(),
            status,
        });
    }
}
