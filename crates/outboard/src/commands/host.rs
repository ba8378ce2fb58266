//! What `serve`, `run` and `check` have in common: the workflow file, the plugins
//! it needs, and the engine that runs it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use outboard_connector::host::{ConnectorHost, HostError, HostErrorKind};
use outboard_go_plugin::host::EventBus;
use outboard_server::{
    AccessError, AccessErrorKind, CONNECTOR_STEP, ConnectorSteps, Database, PluginControl,
};
use outboard_workflow::{
    engine::{
        BUILTIN_TRIGGERS, Engine, EngineError, KnownTypes, LOG_STEP,
        workflow_file::{self, CheckOptions, Problems, Workflow},
    },
    external::{CallbackServer, ExternalPluginManager, ManagerBuilder, ManagerErrorKind},
};

use crate::{
    error::{CliError, Exit},
    settings::Settings,
};

/// Paths that HTTP triggers cannot have: the server's own.
const RESERVED: &[&str] = &[
    "/",
    "/api",
    "/manager",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/ui",
];

/// A workflow file, read.
pub(crate) struct WorkflowFile {
    pub(crate) path: PathBuf,
    bytes: Vec<u8>,
    variables: BTreeMap<String, String>,
}

impl WorkflowFile {
    pub(crate) fn read(path: &Path, settings: &Settings) -> Result<WorkflowFile, CliError> {
        let cannot = |error: std::io::Error| {
            let exit = match error.kind() {
                std::io::ErrorKind::NotFound => Exit::NotFound,
                _ => Exit::Failed,
            };
            CliError::new(
                exit,
                "file",
                format!("cannot read {}: {error}", path.display()),
            )
        };
        let length = fs::metadata(path).map_err(cannot)?.len();
        if length > workflow_file::MAX_FILE_BYTES as u64 {
            let limit = workflow_file::MAX_FILE_BYTES;
            let message = format!(
                "{} has {length} bytes, and the limit is {limit}",
                path.display()
            );
            return Err(CliError::failed("file", message));
        }
        let bytes = fs::read(path).map_err(cannot)?;
        let data = settings.data_dir().join("data").join("workflow");
        let data = std::path::absolute(&data).unwrap_or(data);
        let variables =
            BTreeMap::from([("DATA_DIR".to_owned(), data.to_string_lossy().into_owned())]);
        Ok(WorkflowFile {
            path: path.to_owned(),
            bytes,
            variables,
        })
    }

    /// The directory that relative paths in the file are meant for.
    pub(crate) fn directory(&self) -> PathBuf {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        }
    }

    /// The workflow, or every problem in it. `None` takes every type for known.
    pub(crate) fn check(&self, types: Option<&KnownTypes>) -> Result<Workflow, Problems> {
        let options = CheckOptions {
            types,
            variables: &self.variables,
            env: &|name| std::env::var(name).ok(),
            reserved_paths: RESERVED,
        };
        workflow_file::check(&self.bytes, &options)
    }

    pub(crate) fn error(&self, problems: &Problems) -> CliError {
        let count = problems.as_slice().len();
        let noun = if count == 1 { "problem" } else { "problems" };
        let lines: Vec<String> = problems
            .into_iter()
            .map(|problem| {
                // What is about the whole file has no line to stand before it.
                let space = if problem.line > 0 { "" } else { " " };
                format!("\n  {}:{space}{problem}", self.path.display())
            })
            .collect();
        CliError::failed(
            "invalid_workflow",
            format!(
                "{} has {count} {noun}:{}",
                self.path.display(),
                lines.concat()
            ),
        )
    }

    /// Makes the directory that `${DATA_DIR}` stands for.
    fn make_data_dir(&self) -> Result<(), CliError> {
        let Some(directory) = self.variables.get("DATA_DIR") else {
            return Ok(());
        };
        fs::create_dir_all(directory).map_err(|error| {
            CliError::failed("file", format!("cannot create {directory}: {error}"))
        })
    }
}

/// The types that the plugins on disk say they have, as `plugin.json` lists them.
/// `None` if one of them lists none, and so could have any.
pub(crate) fn types_on_disk(
    manager: &ExternalPluginManager,
) -> Result<Option<KnownTypes>, CliError> {
    let mut types = KnownTypes {
        modules: Vec::new(),
        steps: vec![LOG_STEP.to_owned(), CONNECTOR_STEP.to_owned()],
        triggers: BUILTIN_TRIGGERS.map(str::to_owned).to_vec(),
    };
    for plugin in manager.discover_plugins()? {
        let Ok(manifest) = plugin.manifest else {
            continue;
        };
        if manifest.module_types.is_empty()
            && manifest.step_types.is_empty()
            && manifest.trigger_types.is_empty()
        {
            return Ok(None);
        }
        types.modules.extend(manifest.module_types);
        types.steps.extend(manifest.step_types);
        types.triggers.extend(manifest.trigger_types);
    }
    Ok(Some(types))
}

/// A manager with the settings in effect, whose plugins may call the engine as far
/// as its workflow file allows.
pub(crate) fn manager(
    settings: &Settings,
    engine: &Engine,
) -> Result<ExternalPluginManager, CliError> {
    let callbacks = CallbackServer::of_engine(engine);
    Ok(builder(settings)?.callback_server(callbacks).build())
}

/// A manager for looking at plugins, without an engine to call.
pub(crate) fn manager_alone(settings: &Settings) -> Result<ExternalPluginManager, CliError> {
    Ok(builder(settings)?.build())
}

fn builder(settings: &Settings) -> Result<ManagerBuilder, CliError> {
    Ok(ExternalPluginManager::builder(settings.plugins_dir())
        .data_dir(settings.data_dir().join("data").join("workflow"))
        .inherit_environment(settings.inherit_environment()?)
        .start_timeout(settings.duration("start_timeout")?)
        .drain_timeout(settings.duration("drain_timeout")?)
        .events(EventBus::default()))
}

pub(crate) fn engine(settings: &Settings) -> Result<Engine, CliError> {
    let builder = Engine::builder().drain_timeout(settings.duration("drain_timeout")?);
    builder.build().map_err(|error| of_engine(&error))
}

/// The connectors of the data directory, whose steps the engine has from then on. Call it
/// inside a runtime.
pub(crate) fn connectors(settings: &Settings, engine: &Engine) -> Result<ConnectorHost, CliError> {
    let host = ConnectorHost::open(settings.connectors()?).map_err(of_host)?;
    engine
        .registry()
        .register(&ConnectorSteps::new(host.clone()))
        .map_err(|error| of_engine(&error))?;
    Ok(host)
}

/// The server's own tables of the data directory. Blocks.
pub(crate) fn database(settings: &Settings) -> Result<Database, CliError> {
    Database::open(&settings.data_dir().join("outboard.db")).map_err(|error| {
        CliError::failed("database", error)
            .hint("see whether the data directory is yours, or choose another with --data-dir")
    })
}

pub(crate) fn of_access(error: AccessError) -> CliError {
    let exit = match error.kind() {
        AccessErrorKind::InvalidInput => Exit::Usage,
        AccessErrorKind::NotFound => Exit::NotFound,
        AccessErrorKind::Forbidden => Exit::Refused,
        _ => Exit::Failed,
    };
    let mut told = CliError::new(exit, error.kind().as_str(), &error);
    told.hint = error.hint().map(str::to_owned);
    told
}

/// Whether a workflow calls connectors.
pub(crate) fn calls_connectors(workflow: &Workflow) -> bool {
    let used = workflow.used_types();
    used.steps.iter().any(|step| step == CONNECTOR_STEP)
}

pub(crate) fn of_host(error: HostError) -> CliError {
    let exit = match error.kind() {
        HostErrorKind::InvalidName | HostErrorKind::InvalidInput => Exit::Usage,
        HostErrorKind::NotFound => Exit::NotFound,
        HostErrorKind::Refused => Exit::Refused,
        _ => Exit::Failed,
    };
    let mut told = CliError::new(exit, error.kind().as_str(), error.message());
    told.hint = error.what_to_do().map(str::to_owned);
    told
}

/// Loads what the workflow needs, checks it against the types that are there then,
/// and starts it.
pub(crate) async fn start(
    file: &WorkflowFile,
    plugins: &PluginControl,
    engine: &Engine,
) -> Result<(), CliError> {
    apply(file, plugins, engine, true).await
}

/// The same without triggers: nothing starts a run by itself.
pub(crate) async fn start_without_triggers(
    file: &WorkflowFile,
    plugins: &PluginControl,
    engine: &Engine,
) -> Result<(), CliError> {
    apply(file, plugins, engine, false).await
}

async fn apply(
    file: &WorkflowFile,
    plugins: &PluginControl,
    engine: &Engine,
    with_triggers: bool,
) -> Result<(), CliError> {
    let wanted = file.check(None).map_err(|problems| file.error(&problems))?;
    load_needed(&wanted, plugins, engine).await?;
    let types = engine.registry().known_types();
    let mut workflow = file.check(Some(&types)).map_err(|problems| {
        file.error(&problems).hint(format!(
            "plugins are looked for in {}; `outboard plugin list` shows what is there",
            plugins.manager().plugins_dir().display()
        ))
    })?;
    if !with_triggers {
        workflow.triggers.clear();
    }
    file.make_data_dir()?;
    engine
        .apply(&workflow, &file.directory())
        .await
        .map_err(|error| of_engine(&error))
}

/// Loads the plugins whose `plugin.json` lists a type that the workflow uses, then, if
/// types are still missing, those that list none and so could have any.
async fn load_needed(
    workflow: &Workflow,
    plugins: &PluginControl,
    engine: &Engine,
) -> Result<(), CliError> {
    let used = workflow.used_types();
    let missing = || {
        let known = engine.registry().known_types();
        let of = |used: &[String], known: &[String]| -> Vec<String> {
            let missing = used.iter().filter(|name| !known.contains(name));
            missing.cloned().collect()
        };
        KnownTypes {
            modules: of(&used.modules, &known.modules),
            steps: of(&used.steps, &known.steps),
            triggers: of(&used.triggers, &known.triggers),
        }
    };
    let first = missing();
    let (mut needed, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for plugin in plugins.manager().discover_plugins()? {
        let Ok(manifest) = plugin.manifest else {
            continue;
        };
        let has =
            |wanted: &[String], types: &[String]| wanted.iter().any(|name| types.contains(name));
        if manifest.module_types.is_empty()
            && manifest.step_types.is_empty()
            && manifest.trigger_types.is_empty()
        {
            silent.insert(plugin.name);
        } else if has(&first.modules, &manifest.module_types)
            || has(&first.steps, &manifest.step_types)
            || has(&first.triggers, &manifest.trigger_types)
        {
            needed.insert(plugin.name);
        }
    }
    for name in needed {
        if plugins.manager().is_loaded(&name) {
            continue;
        }
        match plugins.load(&name).await {
            // Somebody asked for it over HTTP at the same time.
            Err(outboard_server::ControlError::Manager(error))
                if error.kind() == ManagerErrorKind::AlreadyLoaded => {}
            loaded => loaded.map_err(of_control)?,
        }
    }
    for name in silent {
        if missing() == KnownTypes::default() {
            break;
        }
        if !plugins.manager().is_loaded(&name)
            && let Err(error) = plugins.load(&name).await
        {
            // Perhaps the workflow does not need it; if it does, the check says what
            // is missing.
            tracing::warn!(plugin = name, %error, "a plugin that lists no types is left out");
        }
    }
    Ok(())
}

pub(crate) fn of_control(error: outboard_server::ControlError) -> CliError {
    match error {
        outboard_server::ControlError::Manager(error) => error.into(),
        outboard_server::ControlError::Engine(error) => of_engine(&error),
    }
}

pub(crate) fn of_engine(error: &EngineError) -> CliError {
    use outboard_workflow::engine::EngineErrorKind as Kind;
    let exit = match error.kind() {
        Kind::NotFound => Exit::NotFound,
        Kind::InUse => Exit::Refused,
        _ => Exit::Failed,
    };
    // The kind's name as programs see it, without what it carries.
    let kind = match serde_json::to_value(error.kind()) {
        Ok(serde_json::Value::String(kind)) => kind,
        _ => "plugin".to_owned(),
    };
    CliError::new(exit, &kind, error)
}

/// A runtime for a command that starts plugins.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(
            std::thread::available_parallelism().map_or(2, |count| count.get().clamp(2, 8)),
        )
        .enable_all()
        .build()
        .map_err(|error| CliError::failed("internal", format!("cannot start a runtime: {error}")))
}
