//! The smallest plugin that does something: one step that greets.

use std::process::ExitCode;

use outboard_sdk::{
    Error, async_trait, json,
    workflow::{Manifest, Plugin, StepInput, StepInstance, StepResult, serve},
};

struct Greet;

#[async_trait]
impl StepInstance for Greet {
    async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {
        let name = input
            .current
            .get("name")
            .and_then(|name| name.as_str())
            .unwrap_or("world");
        StepResult::output(json!({ "greeting": format!("Hello, {name}!") }))
    }
}

fn main() -> ExitCode {
    let manifest = Manifest::new("hello", env!("CARGO_PKG_VERSION"))
        .author("The Outboard authors")
        .description("It greets");
    serve(Plugin::new(manifest).step("step.greet", |_name, _config| Ok(Greet)))
}
