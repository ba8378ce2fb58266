//! The plugin of the recorded session, built with our SDK: the twin of
//! `interop/go/internal/kitchen`.

use std::{
    process::ExitCode,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use outboard_sdk::{
    Error, Map, Value, async_trait, json,
    workflow::{
        self, CallbackError, Engine, Manifest, ModuleInstance, ModuleProvider, PluginProvider,
        StepInput, StepInstance, StepProvider, StepResult, TriggerCallback, TriggerInstance,
        TriggerProvider,
    },
};

use tokio::task::JoinHandle;

/// Accepts any type name, advertised or not, as the recorded plugin does.
#[derive(Default)]
struct Kitchen {
    engine: Engine,
}

impl PluginProvider for Kitchen {
    fn manifest(&self) -> Manifest {
        Manifest::new("kitchen", "1.2.3")
            .author("me")
            .description("all of it")
    }

    fn modules(&self) -> Option<&dyn ModuleProvider> {
        Some(self)
    }

    fn steps(&self) -> Option<&dyn StepProvider> {
        Some(self)
    }

    fn triggers(&self) -> Option<&dyn TriggerProvider> {
        Some(self)
    }

    fn engine(&self) -> Option<&Engine> {
        Some(&self.engine)
    }
}

#[async_trait]
impl TriggerProvider for Kitchen {
    fn trigger_types(&self) -> Vec<String> {
        vec!["kitchen.timer".to_owned()]
    }

    async fn create_trigger(
        &self,
        _trigger_type: &str,
        _name: &str,
        config: Map,
        callback: TriggerCallback,
    ) -> Result<Box<dyn TriggerInstance>, Error> {
        Ok(Box::new(Timer {
            callback,
            config,
            task: Mutex::default(),
        }))
    }
}

/// Fires when it starts, and again every so often if its config says so.
struct Timer {
    callback: TriggerCallback,
    config: Map,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Timer {
    fn replace(&self, task: Option<JoinHandle<()>>) {
        let mut current = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = std::mem::replace(&mut *current, task) {
            before.abort();
        }
    }
}

#[async_trait]
impl TriggerInstance for Timer {
    async fn start(&self) -> Result<(), Error> {
        let (callback, config) = (self.callback.clone(), self.config.clone());
        let every = config.get("every_ms").and_then(Value::as_u64);
        self.replace(Some(tokio::spawn(async move {
            loop {
                if let Err(error) = callback.fire("tick", config.clone()).await {
                    outboard_sdk::tracing::warn!(%error, "nobody heard the timer");
                }
                let Some(every) = every else { return };
                tokio::time::sleep(Duration::from_millis(every)).await;
            }
        })));
        Ok(())
    }

    async fn stop(&self) -> Result<(), Error> {
        self.replace(None);
        Ok(())
    }
}

#[async_trait]
impl ModuleProvider for Kitchen {
    fn module_types(&self) -> Vec<String> {
        vec!["kitchen.mod".to_owned()]
    }

    async fn create_module(
        &self,
        _module_type: &str,
        _name: &str,
        config: Map,
    ) -> Result<Box<dyn ModuleInstance>, Error> {
        let failure = text(&config, "fail").to_owned();
        if failure == "create" {
            return Err(Error::new("no such cook"));
        }
        Ok(Box::new(Module { failure }))
    }
}

#[async_trait]
impl StepProvider for Kitchen {
    fn step_types(&self) -> Vec<String> {
        ["step.call", "step.echo", "step.fail", "step.stop"]
            .map(str::to_owned)
            .into()
    }

    async fn create_step(
        &self,
        step_type: &str,
        name: &str,
        config: Map,
    ) -> Result<Box<dyn StepInstance>, Error> {
        Ok(Box::new(Step {
            kind: step_type.to_owned(),
            name: name.to_owned(),
            config,
            engine: self.engine.clone(),
        }))
    }
}

/// Fails in the phase that its config names, and has nothing else to do.
struct Module {
    failure: String,
}

impl Module {
    fn phase(&self, phase: &str) -> Result<(), Error> {
        if self.failure == phase {
            Err(Error::new(format!("cannot {phase}")))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl ModuleInstance for Module {
    async fn init(&self) -> Result<(), Error> {
        self.phase("init")
    }

    async fn start(&self) -> Result<(), Error> {
        self.phase("start")
    }

    async fn stop(&self) -> Result<(), Error> {
        self.phase("stop")
    }
}

struct Step {
    kind: String,
    name: String,
    config: Map,
    engine: Engine,
}

#[async_trait]
impl StepInstance for Step {
    /// Does what the step's type says. A few types are advertised, the
    /// others exist for tests and are created by name.
    async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {
        match self.kind.as_str() {
            "step.echo" => return Ok(self.echo(input)),
            "step.fail" => return Err(Error::new(format!("step {} failed", self.name))),
            "step.stop" => return Ok(StepResult::output(json!({ "stopped": true }))?.and_stop()),
            "step.sleep" => {
                tokio::time::sleep(Duration::from_millis(self.number("ms"))).await;
                return StepResult::output(json!({ "slept": true }));
            }
            "step.print" => {
                print!("{}", text(&self.config, "stdout"));
                eprint!("{}", text(&self.config, "stderr"));
            }
            "step.log" => self.log(),
            "step.call" => {
                return StepResult::output(match self.call().await {
                    Ok(answer) => answer,
                    Err(error) => json!({ "error": error.message() }),
                });
            }
            "step.blob" => {
                let size = usize::try_from(self.number("size"))
                    .map_err(|_| Error::new("config.size is too large"))?;
                return StepResult::output(json!({ "blob": "x".repeat(size) }));
            }
            "step.panic" => panic!("the kitchen is on fire"),
            #[allow(
                clippy::disallowed_methods,
                reason = "the step is for dying without notice"
            )]
            "step.exit" => {
                eprintln!("the cook has left");
                std::process::exit(i32::try_from(self.number("code")).unwrap_or(1));
            }
            _ => {}
        }
        Ok(StepResult::default())
    }
}

impl Step {
    fn echo(&self, input: StepInput) -> StepResult {
        let step_outputs: Map = input
            .step_outputs
            .into_iter()
            .map(|(name, output)| (name, output.into()))
            .collect();
        let mut output = Map::new();
        output.insert("config".to_owned(), self.config.clone().into());
        output.insert("current".to_owned(), input.current.into());
        output.insert("metadata".to_owned(), input.metadata.into());
        output.insert("name".to_owned(), self.name.clone().into());
        output.insert("step_outputs".to_owned(), step_outputs.into());
        output.insert("trigger_data".to_owned(), input.trigger_data.into());
        output.into()
    }

    /// Writes one line at every level, each with a key and a value.
    fn log(&self) {
        use outboard_sdk::tracing::{debug, error, info, trace, warn};

        let message = text(&self.config, "message");
        trace!(dish = "soup", "{message}");
        debug!(dish = "soup", "{message}");
        info!(dish = "soup", "{message}");
        warn!(dish = "soup", "{message}");
        error!(dish = "soup", "{message}");
    }

    /// Makes one call to the engine.
    async fn call(&self) -> Result<Value, CallbackError> {
        use outboard_sdk::tracing::Level;

        let (name, data) = (text(&self.config, "name"), self.config.clone());
        match text(&self.config, "call") {
            "trigger" => self.engine.trigger(name, "now", data).await?,
            "service" => {
                let found = self.engine.has_service(name).await?;
                return Ok(json!({ "found": found }));
            }
            _ => self.engine.log(Level::WARN, name, data).await?,
        }
        Ok(json!({ "error": "" }))
    }

    fn number(&self, key: &str) -> u64 {
        self.config
            .get(key)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    }
}

fn text<'a>(config: &'a Map, key: &str) -> &'a str {
    config.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn main() -> ExitCode {
    workflow::serve(Kitchen::default())
}
