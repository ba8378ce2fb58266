//! The smallest workflow plugin that does something, for comparing sizes with
//! `interop/go/cmd/go-plugin-hello`.

use std::process::ExitCode;

use outboard_sdk::{
    Error, async_trait, json,
    workflow::{self, Manifest, Plugin, StepInput, StepInstance, StepResult},
};

struct Hello;

#[async_trait]
impl StepInstance for Hello {
    async fn execute(&self, _: StepInput) -> Result<StepResult, Error> {
        StepResult::output(json!({ "greeting": "hello" }))
    }
}

fn main() -> ExitCode {
    let manifest = Manifest::new("hello", "1.0.0")
        .author("me")
        .description("says hello");
    workflow::serve(Plugin::new(manifest).step("step.hello", |_, _| Ok(Hello)))
}
