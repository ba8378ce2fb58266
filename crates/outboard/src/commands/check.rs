//! `outboard check`: every problem of a workflow file, without starting anything.

use outboard_connector::host::ConnectorHost;
use outboard_server::ConnectorSteps;
use outboard_workflow::engine::workflow_file::Workflow;
use serde_json::json;

use super::host::{self, WorkflowFile};
use crate::{
    cli::CheckArgs,
    error::CliError,
    output::{Output, line},
    settings::Settings,
};

pub(crate) fn run(
    arguments: &CheckArgs,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let file = WorkflowFile::read(&arguments.file, settings)?;
    let types = host::types_on_disk(&host::manager_alone(settings)?)?;
    let checked = file.check(types.as_ref());
    if let Ok(workflow) = &checked {
        check_connectors(&file, workflow, settings)?;
    }
    let problems = checked.as_ref().err();
    let result = json!({
        "file": file.path,
        "ok": problems.is_none(),
        "types_checked": types.is_some(),
        "problems": problems.map(|problems| json!(problems)).unwrap_or_else(|| json!([])),
    });
    match problems {
        Some(problems) if !output.is_json() => Err(file.error(problems)),
        Some(_) => {
            output.result(&result, || {});
            Err(CliError::silent())
        }
        None => {
            output.result(&result, || {
                line(&format!("{}: no problems", file.path.display()));
                if types.is_none() {
                    line("a plugin's plugin.json lists no types, so types were not checked");
                }
            });
            Ok(())
        }
    }
}

/// What the file's steps want of connectors, against those that are installed.
fn check_connectors(
    file: &WorkflowFile,
    workflow: &Workflow,
    settings: &Settings,
) -> Result<(), CliError> {
    if !host::calls_connectors(workflow) {
        return Ok(());
    }
    let runtime = host::runtime()?;
    let problems = runtime.block_on(async {
        let connectors = ConnectorHost::open(settings.connectors()?).map_err(host::of_host)?;
        let steps = ConnectorSteps::new(connectors.clone());
        let problems = steps.check(workflow).await;
        connectors.shut_down().await;
        Ok::<_, CliError>(problems)
    })?;
    if problems.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("\n  {problem}"))
        .collect();
    let path = file.path.display();
    let message = format!("{path} cannot call its connectors:{}", lines.concat());
    Err(CliError::failed("invalid_workflow", message))
}
