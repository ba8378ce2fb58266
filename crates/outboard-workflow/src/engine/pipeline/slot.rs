//! The place of a step in a pipeline: its object is made when it is needed, kept
//! while its plugin is there, and destroyed once.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use outboard_contracts::value::Map;
use tokio::sync::OnceCell;

use super::ConfigTemplate;
use crate::engine::{ConfigTiming, EngineError, PipelineStep, TypeRegistry, guard};

/// How long making or destroying a step may take.
const OBJECT_DEADLINE: Duration = Duration::from_secs(30);

/// One step of a pipeline, or what undoes one.
pub(crate) struct StepSlot {
    pub(crate) name: String,
    pub(crate) step_type: String,
    pub(crate) config: ConfigTemplate,
    pub(crate) timeout: Duration,
    registry: Arc<TypeRegistry>,
    /// The cell makes starts single-flight; it is exchanged to forget the object.
    object: Mutex<Arc<OnceCell<Object>>>,
}

struct Object {
    plugin: String,
    step: Arc<dyn PipelineStep>,
}

/// A step for one call.
pub(crate) struct Leased {
    pub(crate) step: Arc<dyn PipelineStep>,
    /// Made for this call alone, and to be destroyed after it.
    temporary: bool,
}

impl StepSlot {
    pub(crate) fn new(
        name: String,
        step_type: String,
        config: ConfigTemplate,
        timeout: Duration,
        registry: Arc<TypeRegistry>,
    ) -> Self {
        Self {
            name,
            step_type,
            config,
            timeout,
            registry,
            object: Mutex::default(),
        }
    }

    /// The plugin that has the type now.
    pub(crate) fn plugin(&self) -> Option<String> {
        self.registry
            .step(&self.step_type)
            .ok()
            .map(|registered| registered.plugin)
    }

    /// The same with its version.
    pub(crate) fn plugin_and_version(&self) -> Option<(String, String)> {
        self.registry.plugin_of_step(&self.step_type)
    }

    /// Makes the object now, if it does not depend on a run.
    pub(crate) async fn prepare(&self) -> Result<(), EngineError> {
        let registered = self.registry.step(&self.step_type)?;
        if registered.factory.config_timing() == ConfigTiming::PerCall || self.config.is_fixed() {
            self.kept().await?;
        }
        Ok(())
    }

    /// The step for a call with the config `resolved`.
    pub(crate) async fn lease(&self, resolved: &Map) -> Result<Leased, EngineError> {
        let registered = self.registry.step(&self.step_type)?;
        if registered.factory.config_timing() == ConfigTiming::PerCall || self.config.is_fixed() {
            return Ok(Leased {
                step: self.kept().await?,
                temporary: false,
            });
        }
        let step = guard::call(
            || format!("creating step {:?}", self.name),
            Some(OBJECT_DEADLINE),
            registered.factory.create(&self.name, resolved.clone()),
        )
        .await?;
        Ok(Leased {
            step,
            temporary: true,
        })
    }

    async fn kept(&self) -> Result<Arc<dyn PipelineStep>, EngineError> {
        let cell = Arc::clone(&self.object.lock().unwrap_or_else(PoisonError::into_inner));
        let object = cell
            .get_or_try_init(|| async {
                let registered = self.registry.step(&self.step_type)?;
                let step = guard::call(
                    || format!("creating step {:?}", self.name),
                    Some(OBJECT_DEADLINE),
                    registered
                        .factory
                        .create(&self.name, self.config.source().clone()),
                )
                .await?;
                Ok::<_, EngineError>(Object {
                    plugin: registered.plugin,
                    step,
                })
            })
            .await?;
        Ok(Arc::clone(&object.step))
    }

    /// Destroys the object if `plugin` made it, or whoever made it if `None`.
    pub(crate) async fn destroy(&self, plugin: Option<&str>) {
        let taken = {
            let mut object = self.object.lock().unwrap_or_else(PoisonError::into_inner);
            match object.get() {
                Some(made) if plugin.is_none_or(|plugin| plugin == made.plugin) => {
                    let step = Arc::clone(&made.step);
                    *object = Arc::default();
                    Some(step)
                }
                _ => None,
            }
        };
        if let Some(step) = taken {
            destroy(&self.name, step).await;
        }
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        if self.temporary {
            let step = Arc::clone(&self.step);
            // The run does not wait for it, and a run that was dropped could not.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move {
                    let name = step.name().to_owned();
                    destroy(&name, step).await;
                });
            }
        }
    }
}

async fn destroy(name: &str, step: Arc<dyn PipelineStep>) {
    let outcome = guard::call(
        || format!("destroying step {name:?}"),
        Some(OBJECT_DEADLINE),
        step.destroy(),
    );
    if let Err(error) = outcome.await {
        tracing::warn!(step = name, %error, "a step could not be destroyed");
    }
}
