//! What modules, steps and plugins see of the application around them: services.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use outboard_contracts::value::Map;

use super::{EngineError, Module, guard};

/// The services of the modules that run. Clones see the same services.
///
/// Each module is a service under its own name and under every name in
/// [`Module::provides_services`].
#[derive(Clone, Default)]
pub struct Application {
    services: Arc<RwLock<BTreeMap<String, Arc<dyn Module>>>>,
}

impl Application {
    /// Whether somebody provides the service.
    pub fn has_service(&self, name: &str) -> bool {
        self.service(name).is_some()
    }

    /// The names of all services, sorted.
    pub fn services(&self) -> Vec<String> {
        self.services
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect()
    }

    /// Who provides the service.
    pub fn service(&self, name: &str) -> Option<Arc<dyn Module>> {
        self.services
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// Calls a method of a service; it has 30 seconds.
    ///
    /// # Errors
    ///
    /// There is no such service, it failed, or it did not answer in time.
    pub async fn invoke(&self, service: &str, method: &str, args: Map) -> Result<Map, EngineError> {
        self.invoke_within(service, method, args, Duration::from_secs(30))
            .await
    }

    /// Calls a method of a service, with a deadline.
    ///
    /// # Errors
    ///
    /// There is no such service, it failed, or it did not answer in time.
    pub async fn invoke_within(
        &self,
        service: &str,
        method: &str,
        args: Map,
        deadline: Duration,
    ) -> Result<Map, EngineError> {
        let Some(module) = self.service(service) else {
            let names = self.services();
            return Err(EngineError::NotFound {
                what: "service",
                name: service.to_owned(),
                nearest: super::suggest::nearest(service, names.iter().map(String::as_str)),
            });
        };
        let what = || format!("service {service:?}, method {method:?}");
        guard::call(what, Some(deadline), module.invoke_service(method, args)).await
    }

    pub(super) fn add(&self, name: &str, module: &Arc<dyn Module>) -> Result<(), EngineError> {
        let mut services = self
            .services
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if services.contains_key(name) {
            return Err(EngineError::Duplicate {
                what: "service",
                name: name.to_owned(),
            });
        }
        services.insert(name.to_owned(), Arc::clone(module));
        Ok(())
    }

    pub(super) fn remove_module(&self, module: &Arc<dyn Module>) {
        self.services
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, provider| !Arc::ptr_eq(provider, module));
    }
}

impl std::fmt::Debug for Application {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Application")
            .field("services", &self.services())
            .finish()
    }
}
