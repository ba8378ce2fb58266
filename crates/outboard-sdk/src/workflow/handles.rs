//! The modules, triggers and steps that are alive, by the handle that the host has for each.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{StepInstance, module::Module};
use crate::Error;

/// How many modules, triggers and steps of one plugin may be alive at a time, together.
pub const MAX_HANDLES: usize = 100_000;

/// A step and the name that it was created with.
pub(super) struct Step {
    pub(super) name: String,
    pub(super) instance: Box<dyn StepInstance>,
}

/// One lock for both kinds, because the limit is on their sum. It is held for
/// a look into a map and never while code of the author runs.
#[derive(Default)]
pub(super) struct Handles(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    modules: HashMap<String, Arc<Module>>,
    steps: HashMap<String, Arc<Step>>,
}

impl Handles {
    pub(super) fn add_module(&self, module: Module) -> Result<String, Error> {
        let handle = uuid::Uuid::new_v4().to_string();
        let mut tables = self.lock();
        tables.check_room()?;
        tables.modules.insert(handle.clone(), Arc::new(module));
        Ok(handle)
    }

    pub(super) fn add_step(&self, step: Step) -> Result<String, Error> {
        let handle = uuid::Uuid::new_v4().to_string();
        let mut tables = self.lock();
        tables.check_room()?;
        tables.steps.insert(handle.clone(), Arc::new(step));
        Ok(handle)
    }

    /// Fails early where there is no room, before anything is made.
    pub(super) fn check_room(&self) -> Result<(), Error> {
        self.lock().check_room()
    }

    pub(super) fn module(&self, handle: &str) -> Result<Arc<Module>, Error> {
        self.lock()
            .modules
            .get(handle)
            .cloned()
            .ok_or_else(|| unknown("module", handle))
    }

    pub(super) fn step(&self, handle: &str) -> Result<Arc<Step>, Error> {
        self.lock()
            .steps
            .get(handle)
            .cloned()
            .ok_or_else(|| unknown("step", handle))
    }

    pub(super) fn remove_module(&self, handle: &str) -> Result<Arc<Module>, Error> {
        self.lock()
            .modules
            .remove(handle)
            .ok_or_else(|| unknown("module", handle))
    }

    pub(super) fn remove_step(&self, handle: &str) -> Result<Arc<Step>, Error> {
        self.lock()
            .steps
            .remove(handle)
            .ok_or_else(|| unknown("step", handle))
    }

    /// Takes everything out.
    pub(super) fn drain(&self) -> (Vec<Arc<Module>>, Vec<Arc<Step>>) {
        let tables = std::mem::take(&mut *self.lock());
        (
            tables.modules.into_values().collect(),
            tables.steps.into_values().collect(),
        )
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // Nothing that can panic runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn check_room(&self) -> Result<(), Error> {
        if self.modules.len() + self.steps.len() < MAX_HANDLES {
            return Ok(());
        }
        Err(Error::new(format!(
            "the plugin already has {MAX_HANDLES} modules, triggers and steps, which is the limit; destroy those that are not needed"
        )))
    }
}

fn unknown(kind: &str, handle: &str) -> Error {
    Error::new(format!("unknown {kind} handle: {handle}"))
}
