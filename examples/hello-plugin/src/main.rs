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

fn plugin() -> Plugin {
    let manifest = Manifest::new("hello-plugin", env!("CARGO_PKG_VERSION"))
        .author("The Outboard authors")
        .description("It greets");
    Plugin::new(manifest).step("step.greet", |_name, _config| Ok(Greet))
}

fn main() -> ExitCode {
    serve(plugin())
}

#[cfg(test)]
mod tests {
    use outboard_sdk::testing::Host;

    use super::*;

    #[tokio::test]
    async fn it_greets_whom_it_is_told_to_and_else_the_world() {
        let host = Host::start(plugin()).await.expect("a host");
        let step = host.create_step("step.greet", "greet", json!({})).await;
        let step = step.expect("a step");
        for (current, greeting) in [
            (json!({}), "Hello, world!"),
            (json!({ "name": "Ada" }), "Hello, Ada!"),
        ] {
            let input = StepInput::of_current(current).expect("an input");
            let result = step.execute(input).await.expect("a result");
            assert_eq!(result.output["greeting"], greeting);
        }
    }
}
