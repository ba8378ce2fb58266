//! Plugins, modules and steps that do what a test asks for, and write down what
//! happened to them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::AtomicUsize},
    time::Duration,
};

use async_trait::async_trait;
use outboard_workflow::engine::{
    Application, Engine, EngineError, EnginePlugin, Map, Module, ModuleFactory, ModuleSchema,
    NativePlugin, PipelineStep, PluginContext, PluginDependency, PluginManifest, StepCall,
    StepFactory, StepResult, TriggerFactory, WiringHook, WorkflowHandlerFactory,
    capability::Contract,
    module_factory, step_factory,
    workflow_file::{self, CheckOptions},
};
use serde_json::{Value, json};

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    pub(crate) fn write(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }

    pub(crate) fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A plugin that brings what a test gives it.
pub(crate) struct TestPlugin {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) dependencies: Vec<PluginDependency>,
    pub(crate) manifest: PluginManifest,
    pub(crate) contracts: Vec<Contract>,
    pub(crate) modules: BTreeMap<String, Arc<dyn ModuleFactory>>,
    pub(crate) steps: BTreeMap<String, Arc<dyn StepFactory>>,
    pub(crate) triggers: BTreeMap<String, Arc<dyn TriggerFactory>>,
    pub(crate) workflows: BTreeMap<String, Arc<dyn WorkflowHandlerFactory>>,
    pub(crate) schemas: Vec<ModuleSchema>,
    pub(crate) hooks: Vec<WiringHook>,
    pub(crate) diary: Diary,
    pub(crate) enable_error: Option<String>,
}

impl TestPlugin {
    pub(crate) fn new(name: &str) -> Self {
        Self::versioned(name, "1.0.0")
    }

    pub(crate) fn versioned(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            dependencies: Vec::new(),
            manifest: PluginManifest {
                name: name.to_owned(),
                version: version.to_owned(),
                author: "tests".to_owned(),
                description: "for a test".to_owned(),
                ..PluginManifest::default()
            },
            contracts: Vec::new(),
            modules: BTreeMap::new(),
            steps: BTreeMap::new(),
            triggers: BTreeMap::new(),
            workflows: BTreeMap::new(),
            schemas: Vec::new(),
            hooks: Vec::new(),
            diary: Diary::default(),
            enable_error: None,
        }
    }

    pub(crate) fn needs(mut self, name: &str, constraint: &str) -> Self {
        self.manifest
            .dependencies
            .push(outboard_contracts::manifest::Dependency {
                name: name.to_owned(),
                constraint: constraint.to_owned(),
            });
        self
    }

    pub(crate) fn step(mut self, step_type: &str, factory: Arc<dyn StepFactory>) -> Self {
        self.steps.insert(step_type.to_owned(), factory);
        self
    }

    pub(crate) fn module(mut self, module_type: &str, factory: Arc<dyn ModuleFactory>) -> Self {
        self.modules.insert(module_type.to_owned(), factory);
        self
    }

    pub(crate) fn writes(mut self, diary: &Diary) -> Self {
        self.diary = diary.clone();
        self
    }
}

#[async_trait]
impl NativePlugin for TestPlugin {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> std::borrow::Cow<'_, str> {
        self.version.as_str().into()
    }

    fn description(&self) -> std::borrow::Cow<'_, str> {
        "for a test".into()
    }

    fn dependencies(&self) -> Vec<PluginDependency> {
        self.dependencies.clone()
    }

    async fn on_enable(&self, _: &PluginContext) -> Result<(), EngineError> {
        self.diary.write(format!("enable {}", self.name));
        match &self.enable_error {
            Some(text) => Err(EngineError::failed("on_enable", text)),
            None => Ok(()),
        }
    }

    async fn on_disable(&self, _: &PluginContext) -> Result<(), EngineError> {
        self.diary.write(format!("disable {}", self.name));
        Ok(())
    }
}

impl EnginePlugin for TestPlugin {
    fn engine_manifest(&self) -> PluginManifest {
        self.manifest.clone()
    }

    fn capabilities(&self) -> Vec<Contract> {
        self.contracts.clone()
    }

    fn module_factories(&self) -> BTreeMap<String, Arc<dyn ModuleFactory>> {
        self.modules.clone()
    }

    fn step_factories(&self) -> BTreeMap<String, Arc<dyn StepFactory>> {
        self.steps.clone()
    }

    fn trigger_factories(&self) -> BTreeMap<String, Arc<dyn TriggerFactory>> {
        self.triggers.clone()
    }

    fn workflow_handlers(&self) -> BTreeMap<String, Arc<dyn WorkflowHandlerFactory>> {
        self.workflows.clone()
    }

    fn module_schemas(&self) -> Vec<ModuleSchema> {
        self.schemas.clone()
    }

    fn wiring_hooks(&self) -> Vec<WiringHook> {
        self.hooks.clone()
    }
}

/// A step that does what its config says: `output`, `fail`, `sleep_ms`, `stop`,
/// `next`, `panic`. It writes down that it was made, called and destroyed.
pub(crate) struct TestStep {
    name: String,
    diary: Diary,
    pub(crate) in_flight: Arc<AtomicUsize>,
}

#[async_trait]
impl PipelineStep for TestStep {
    fn name(&self) -> &str {
        &self.name
    }

    async fn execute(&self, call: &StepCall<'_>) -> Result<StepResult, EngineError> {
        struct InFlight<'a>(&'a AtomicUsize, &'a Diary, &'a str);
        impl Drop for InFlight<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                self.1.write(format!("left {}", self.2));
            }
        }
        self.in_flight
            .fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        self.diary.write(format!("call {}", self.name));
        let _in_flight = InFlight(&self.in_flight, &self.diary, &self.name);
        let config = call.config;
        if let Some(milliseconds) = config.get("sleep_ms").and_then(Value::as_u64) {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
        if let Some(text) = config.get("panic").and_then(Value::as_str) {
            panic!("{text}");
        }
        if let Some(text) = config.get("fail").and_then(Value::as_str) {
            return Err(EngineError::failed(format!("step {:?}", self.name), text));
        }
        Ok(StepResult {
            output: config
                .get("output")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
            next_step: config
                .get("next")
                .and_then(Value::as_str)
                .map(str::to_owned),
            stop: config.get("stop").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    async fn destroy(&self) -> Result<(), EngineError> {
        self.diary.write(format!("destroy {}", self.name));
        Ok(())
    }
}

/// Makes [`TestStep`]s.
pub(crate) fn test_steps(diary: &Diary) -> Arc<dyn StepFactory> {
    counted_steps(diary, &Arc::default())
}

/// Makes [`TestStep`]s that count how many calls go on.
pub(crate) fn counted_steps(diary: &Diary, in_flight: &Arc<AtomicUsize>) -> Arc<dyn StepFactory> {
    let (diary, in_flight) = (diary.clone(), Arc::clone(in_flight));
    step_factory(move |name, config: Map| {
        let (diary, in_flight) = (diary.clone(), Arc::clone(&in_flight));
        async move {
            diary.write(format!("make {name}"));
            if let Some(text) = config.get("fail_make").and_then(Value::as_str) {
                return Err(EngineError::invalid_config(format!("step {name:?}"), text));
            }
            Ok(Arc::new(TestStep {
                name,
                diary,
                in_flight,
            }) as Arc<dyn PipelineStep>)
        }
    })
}

/// A module that does what its config says: `needs`, `requires`, `provides` (lists),
/// `fail` (`make`, `init`, `start`, `stop`, `destroy`), `hang` (the same).
pub(crate) struct TestModule {
    name: String,
    config: Map,
    diary: Diary,
}

impl TestModule {
    fn list(&self, key: &str) -> Vec<String> {
        let items = self
            .config
            .get(key)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    async fn step(&self, what: &str) -> Result<(), EngineError> {
        self.diary.write(format!("{what} {}", self.name));
        if self.config.get("hang").and_then(Value::as_str) == Some(what) {
            std::future::pending::<()>().await;
        }
        if self.config.get("fail").and_then(Value::as_str) == Some(what) {
            return Err(EngineError::failed(
                format!("module {:?}", self.name),
                "as asked",
            ));
        }
        Ok(())
    }
}

#[async_trait]
impl Module for TestModule {
    fn name(&self) -> &str {
        &self.name
    }

    fn dependencies(&self) -> Vec<String> {
        self.list("needs")
    }

    fn provides_services(&self) -> Vec<String> {
        self.list("provides")
    }

    fn requires_services(&self) -> Vec<String> {
        self.list("requires")
    }

    async fn init(&self, _: &Application) -> Result<(), EngineError> {
        self.step("init").await
    }

    async fn start(&self) -> Result<(), EngineError> {
        self.step("start").await
    }

    async fn stop(&self) -> Result<(), EngineError> {
        self.step("stop").await
    }

    async fn destroy(&self) -> Result<(), EngineError> {
        self.step("destroy").await
    }

    async fn invoke_service(&self, method: &str, args: Map) -> Result<Map, EngineError> {
        self.step(method).await?;
        Ok(args)
    }
}

/// Makes [`TestModule`]s.
pub(crate) fn test_modules(diary: &Diary) -> Arc<dyn ModuleFactory> {
    let diary = diary.clone();
    module_factory(move |name, config| {
        let diary = diary.clone();
        async move {
            let module = TestModule {
                name,
                config,
                diary,
            };
            module.step("make").await?;
            Ok(Arc::new(module) as Arc<dyn Module>)
        }
    })
}

/// An engine with one plugin, `tests`, that has the types `test.module` and `step.test`.
pub(crate) fn engine(diary: &Diary) -> Engine {
    let engine = Engine::builder().build().unwrap();
    engine.load_plugin(Arc::new(tests_plugin(diary))).unwrap();
    engine
}

pub(crate) fn tests_plugin(diary: &Diary) -> TestPlugin {
    TestPlugin::new("tests")
        .module("test.module", test_modules(diary))
        .step("step.test", test_steps(diary))
}

/// Checks a file against an engine's types and starts it.
pub(crate) async fn apply(engine: &Engine, file: &str) -> Result<(), EngineError> {
    let types = engine.registry().known_types();
    let options = CheckOptions {
        types: Some(&types),
        ..CheckOptions::permissive()
    };
    let workflow =
        workflow_file::check(file.as_bytes(), &options).map_err(EngineError::InvalidWorkflow)?;
    engine.apply(&workflow, "/somewhere".as_ref()).await
}

pub(crate) fn map(value: Value) -> Map {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

pub(crate) fn empty() -> Map {
    map(json!({}))
}

/// Waits for a condition, with a deadline.
pub(crate) async fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let until = std::time::Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(
            std::time::Instant::now() < until,
            "waited in vain for {what}"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
