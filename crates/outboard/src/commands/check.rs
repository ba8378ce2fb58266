//! `outboard check`: every problem of a workflow file, without starting anything.

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
