//! Example: a host in under 40 lines that restarts a crashed plugin.

use std::{env::args, error::Error, process::Command, time::Duration};

use outboard_go_plugin::host::PluginEventKind;
use outboard_workflow::engine::{EnginePlugin as _, Map, PipelineContext, StepCall};
use outboard_workflow::external::ExternalPluginManager;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = args().nth(1).ok_or("usage: embed-host PLUGINS_DIRECTORY")?;
    let manager = ExternalPluginManager::new(directory);
    let mut events = manager.events();
    let plugin = manager.load_plugin("store-plugin").await?;

    let config: Map = serde_json::from_str(r#"{"items":[{"n":2},{"n":3}],"sum":["n"]}"#)?;
    let factory = &plugin.step_factories()["step.transform"];
    let step = factory.create("sum", config.clone()).await?;
    let call = StepCall {
        context: &PipelineContext::default(),
        config: &config,
        run: "example",
        timeout: Duration::from_secs(5),
    };
    let mut killed = false;
    while let Some(Ok(event)) = events.next().await {
        println!("{event}");
        if let PluginEventKind::Ready { pid, .. } = event.kind {
            println!("the step says {:?}", step.execute(&call).await?.output);
            if killed {
                break;
            }
            let pid = pid.to_string();
            killed = Command::new("kill").args(["-9", &pid]).status()?.success();
        }
    }
    manager.shutdown().await;
    Ok(())
}
