//! A plugin for the tests of the server: it echoes, waits, talks and dies.

use std::{process::ExitCode, time::Duration};

use outboard_sdk::{
    Error, Map, async_trait, json, trace, tracing,
    workflow::{
        self, Manifest, ModuleInstance, ModuleProvider, PluginProvider, StepInput, StepInstance,
        StepProvider, StepResult,
    },
};

fn main() -> ExitCode {
    workflow::serve(Kitchen)
}

struct Kitchen;

impl PluginProvider for Kitchen {
    fn manifest(&self) -> Manifest {
        Manifest::new("kitchen", "1.0.0")
            .author("tests")
            .description("cooks")
    }

    fn modules(&self) -> Option<&dyn ModuleProvider> {
        Some(self)
    }

    fn steps(&self) -> Option<&dyn StepProvider> {
        Some(self)
    }
}

#[async_trait]
impl ModuleProvider for Kitchen {
    fn module_types(&self) -> Vec<String> {
        vec!["kitchen.stove".to_owned()]
    }

    async fn create_module(
        &self,
        _: &str,
        _: &str,
        config: Map,
    ) -> Result<Box<dyn ModuleInstance>, Error> {
        if let Some(gas) = config.get("gas").and_then(|gas| gas.as_str())
            && std::fs::exists(format!("no-{gas}"))?
        {
            return Err(Error::new(format!("there is no {gas}")));
        }
        Ok(Box::new(Stove))
    }
}

struct Stove;

#[async_trait]
impl ModuleInstance for Stove {}

#[async_trait]
impl StepProvider for Kitchen {
    fn step_types(&self) -> Vec<String> {
        ["echo", "say", "wait", "die", "trace"]
            .map(|name| format!("kitchen.{name}"))
            .into()
    }

    async fn create_step(
        &self,
        step_type: &str,
        _: &str,
        _: Map,
    ) -> Result<Box<dyn StepInstance>, Error> {
        Ok(Box::new(Step(step_type.to_owned())))
    }
}

struct Step(String);

#[async_trait]
impl StepInstance for Step {
    async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {
        let text = input
            .trigger_data
            .get("text")
            .and_then(|text| text.as_str());
        match self.0.as_str() {
            "kitchen.say" => eprintln!("[WARN] {}", text.unwrap_or("nothing to say")),
            "kitchen.wait" => {
                // It goes on when the file is there.
                let path = text.ok_or_else(|| Error::new("no file to wait for"))?;
                std::fs::write(format!("{path}.waiting"), "")?;
                while !std::fs::exists(path)? {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            "kitchen.trace" => {
                tracing::warn!("traced");
                let trace = trace::current();
                let trace = trace.as_ref();
                return StepResult::output(json!({
                    "parent": trace.map(|trace| trace.traceparent()),
                    "state": trace.and_then(|trace| trace.tracestate()),
                }));
            }
            "kitchen.die" => {
                eprintln!("[ERROR] the oven exploded");
                std::process::exit(7);
            }
            _ => {}
        }
        StepResult::output(json!({ "echo": input.trigger_data }))
    }
}
