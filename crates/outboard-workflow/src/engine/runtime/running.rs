//! Running a pipeline once.

use outboard_contracts::value::Map;
use outboard_go_plugin::trace;
use serde_json::Value;
use tokio::sync::{oneshot, watch};

use super::Engine;
use crate::engine::{
    EngineError,
    pipeline::{PipelineContext, RunResult},
    suggest,
};

impl Engine {
    /// Runs a pipeline once and waits for its end. `trigger` says what started it.
    ///
    /// A run that fails is not an error of this call: the result says so.
    ///
    /// # Errors
    ///
    /// There is no such pipeline, the engine stops, a plugin that it needs is being
    /// unloaded or is not there, or too many runs go on.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels the run where it stands; nothing is compensated.
    pub async fn run(
        &self,
        pipeline: &str,
        trigger: &str,
        input: Map,
    ) -> Result<RunResult, EngineError> {
        self.run_with(pipeline, trigger, input, Map::new(), None)
            .await
    }

    /// The same, and tells the run's id once it has begun, to whoever follows it.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Cancellation
    ///
    /// As [`run`](Self::run).
    pub async fn run_telling(
        &self,
        pipeline: &str,
        trigger: &str,
        input: Map,
        begun: oneshot::Sender<String>,
    ) -> Result<RunResult, EngineError> {
        self.run_with(pipeline, trigger, input, Map::new(), Some(begun))
            .await
    }

    /// Begins a run and gives its id; it goes on by itself. `metadata` is added to what
    /// the run knows about itself.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub async fn spawn_run(
        &self,
        pipeline: &str,
        trigger: &str,
        input: Map,
        metadata: Map,
    ) -> Result<String, EngineError> {
        let (begun, id) = oneshot::channel();
        let (engine, pipeline, trigger) = (self.clone(), pipeline.to_owned(), trigger.to_owned());
        let run = tokio::spawn(trace::with_current(async move {
            engine
                .run_with(&pipeline, &trigger, input, metadata, Some(begun))
                .await
        }));
        match id.await {
            Ok(id) => Ok(id),
            // It did not begin, and says why.
            Err(_) => match run.await {
                Ok(outcome) => outcome.map(|run| run.id),
                Err(error) => Err(EngineError::Panicked {
                    what: "a run".to_owned(),
                    message: error.to_string(),
                }),
            },
        }
    }

    async fn run_with(
        &self,
        pipeline: &str,
        trigger: &str,
        input: Map,
        mut metadata: Map,
        begun: Option<oneshot::Sender<String>>,
    ) -> Result<RunResult, EngineError> {
        let refused = |reason: String| EngineError::State {
            what: format!("cannot run pipeline {pipeline:?}"),
            reason,
        };
        let active = self
            .active()
            .ok_or_else(|| refused("no workflow runs".to_owned()))?;
        let Some(entry) = active
            .pipelines
            .iter()
            .find(|entry| entry.info.name == pipeline)
        else {
            let names = active
                .pipelines
                .iter()
                .map(|entry| entry.info.name.as_str());
            return Err(EngineError::NotFound {
                what: "pipeline",
                name: pipeline.to_owned(),
                nearest: suggest::nearest(pipeline, names),
            });
        };
        let Ok(_place) = self.inner.places.try_acquire() else {
            let limit = self.inner.settings.max_runs;
            return Err(EngineError::Busy {
                what: "runs".to_owned(),
                limit,
            });
        };
        // Counted before it is asked whether it may begin: whoever forbids it first
        // and looks at the counts afterwards misses no run.
        let _running = Counted::up(&active.running);
        let _of_pipeline = Counted::up(&entry.running);
        if *active.closing.borrow() {
            return Err(refused("the engine is stopping".to_owned()));
        }
        if let Some(plugin) = active.leaving_of(entry) {
            return Err(refused(format!("its plugin {plugin:?} is being unloaded")));
        }
        if let Some(missing) = self.missing_for(&active, entry) {
            return Err(refused(missing.reason));
        }
        let recorder = self.inner.history.begin(pipeline, trigger, &input);
        for (key, value) in [
            ("pipeline", pipeline),
            ("run_id", recorder.id()),
            ("trigger", trigger),
            ("started_at", jiff::Timestamp::now().to_string().as_str()),
        ] {
            metadata.insert(key.to_owned(), Value::String(value.to_owned()));
        }
        if let Some(begun) = begun {
            // Whoever asked may be gone; the run goes on.
            let _ = begun.send(recorder.id().to_owned());
        }
        let context = PipelineContext::new(input, metadata);
        let cancelled = entry.cancel.subscribe();
        let outcome = entry
            .pipeline
            .run(context, recorder.id(), &recorder, cancelled)
            .await;
        Ok(recorder.finish(outcome))
    }
}

/// Counts something down when it goes.
struct Counted<'a>(&'a watch::Sender<usize>);

impl<'a> Counted<'a> {
    fn up(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
