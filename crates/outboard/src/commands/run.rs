//! `outboard run`: one pipeline of a workflow file, once.

use outboard_server::PluginControl;
use outboard_workflow::engine::{
    Engine, Map, RunEvent, pipeline::RunResult, workflow_file::Workflow,
};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::host::{self, WorkflowFile};
use crate::{
    cli::RunArgs,
    error::CliError,
    input,
    output::{Output, progress},
    settings::Settings,
};

pub(crate) fn run(
    arguments: &RunArgs,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let input = input_of(arguments.input.as_deref())?;
    let file = WorkflowFile::read(&arguments.file, settings)?;
    let runtime = host::runtime()?;
    let run = runtime.block_on(once(arguments, settings, &file, input))?;
    // The result goes to standard output as JSON, whoever reads it.
    let failed = run.error.as_ref().map(|error| error.message.clone());
    Output::new(true).result(&run, || {});
    match failed {
        None => Ok(()),
        Some(_) if output.is_json() => Err(CliError::silent()),
        Some(message) => Err(CliError::failed("run_failed", message)
            .hint("the steps and their errors are in the result on standard output")),
    }
}

fn input_of(argument: Option<&str>) -> Result<Map, CliError> {
    let Some(argument) = argument else {
        return Ok(Map::new());
    };
    serde_json::from_value(input::json(argument, "--input")?).map_err(|error| {
        CliError::usage(format!("the input is no JSON object: {error}"))
            .hint("--input takes JSON, @FILE, or - for standard input")
    })
}

async fn once(
    arguments: &RunArgs,
    settings: &Settings,
    file: &WorkflowFile,
    input: Map,
) -> Result<RunResult, CliError> {
    let engine = host::engine(settings)?;
    let plugins = PluginControl::new(host::manager(settings, &engine)?, engine.clone());
    // What is wrong with the file is found where it is run.
    let calls = file
        .check(None)
        .is_ok_and(|workflow| host::calls_connectors(&workflow));
    let connectors = match calls {
        true => Some(host::connectors(settings, &engine)?),
        false => None,
    };
    let outcome = tokio::select! {
        outcome = start_and_run(arguments, file, &plugins, &engine, input) => outcome,
        () = super::serve::interrupted() => {
            Err(CliError::failed("interrupted", "interrupted before the run ended"))
        }
    };
    engine.stop().await;
    plugins.manager().shutdown().await;
    if let Some(connectors) = connectors {
        connectors.shut_down().await;
    }
    outcome
}

async fn start_and_run(
    arguments: &RunArgs,
    file: &WorkflowFile,
    plugins: &PluginControl,
    engine: &Engine,
    input: Map,
) -> Result<RunResult, CliError> {
    let workflow = file.check(None).map_err(|problems| file.error(&problems))?;
    let pipeline = choose(arguments.pipeline.as_deref(), &workflow)?;
    progress(&format!("starting what {} needs", file.path.display()));
    // Nothing but the one run: no schedule may start another.
    host::start_without_triggers(file, plugins, engine).await?;
    let events = engine.run_events();
    let follow = tokio::spawn(follow(events));
    let result = engine.run(&pipeline, "manual", input).await;
    follow.abort();
    result.map_err(|error| host::of_engine(&error))
}

fn choose(wanted: Option<&str>, workflow: &Workflow) -> Result<String, CliError> {
    if let Some(name) = wanted {
        return Ok(name.to_owned());
    }
    match workflow.pipelines.as_slice() {
        [only] => Ok(only.name.clone()),
        all => {
            let names: Vec<_> = all.iter().map(|pipeline| pipeline.name.as_str()).collect();
            Err(
                CliError::usage(format!("the file has {} pipelines", names.len()))
                    .hint(format!("choose one with --pipeline: {}", names.join(", "))),
            )
        }
    }
}

async fn follow(mut events: Receiver<RunEvent>) {
    loop {
        match events.recv().await {
            Ok(RunEvent::StepFinished { step, status, .. }) => {
                let status = serde_json::to_value(status).unwrap_or_default();
                progress(&format!(
                    "  {step}: {}",
                    status.as_str().unwrap_or_default()
                ));
            }
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}
