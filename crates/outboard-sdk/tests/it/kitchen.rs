//! The plugin of the recorded session: a module and three steps, written with the SDK.

use outboard_sdk::{
    Error, Map, async_trait,
    workflow::{
        Manifest, ModuleInstance, ModuleProvider, PluginProvider, StepInput, StepInstance,
        StepProvider, StepResult,
    },
};
use serde_json::{Value, json};

pub(crate) struct Kitchen;

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
}

#[async_trait]
impl ModuleProvider for Kitchen {
    fn module_types(&self) -> Vec<String> {
        vec!["kitchen.mod".into()]
    }

    async fn create_module(
        &self,
        _: &str,
        _: &str,
        config: Map,
    ) -> Result<Box<dyn ModuleInstance>, Error> {
        match config.get("fail").and_then(Value::as_str) {
            Some("create") => Err(Error::new("no such cook")),
            fail => Ok(Box::new(Cook {
                fails_to_init: fail == Some("init"),
            })),
        }
    }
}

struct Cook {
    fails_to_init: bool,
}

#[async_trait]
impl ModuleInstance for Cook {
    async fn init(&self) -> Result<(), Error> {
        if self.fails_to_init {
            Err(Error::new("cannot init"))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl StepProvider for Kitchen {
    fn step_types(&self) -> Vec<String> {
        ["step.echo", "step.fail", "step.stop"]
            .map(String::from)
            .into()
    }

    async fn create_step(
        &self,
        step_type: &str,
        name: &str,
        config: Map,
    ) -> Result<Box<dyn StepInstance>, Error> {
        Ok(Box::new(Dish {
            step_type: step_type.into(),
            name: name.into(),
            config,
        }))
    }
}

struct Dish {
    step_type: String,
    name: String,
    config: Map,
}

#[async_trait]
impl StepInstance for Dish {
    async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {
        match self.step_type.as_str() {
            "step.fail" => Err(Error::new(format!("step {} failed", self.name))),
            "step.stop" => Ok(StepResult::output(json!({ "stopped": true }))?.and_stop()),
            _ => StepResult::output(json!({
                "name": self.name, "config": self.config, "trigger_data": input.trigger_data,
                "step_outputs": input.step_outputs, "current": input.current, "metadata": input.metadata,
            })),
        }
    }
}
