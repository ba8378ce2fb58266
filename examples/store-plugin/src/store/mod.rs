//! `kv.sqlite`: JSON values by key, in a SQLite file.

mod database;
mod service;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use outboard_sdk::{
    Error, Map, async_trait, tracing,
    workflow::{ModuleInstance, ServiceInvoker, from_map},
};
use serde::Deserialize;

pub(crate) use self::database::Database;
use crate::config::resolve_path;

#[derive(Deserialize)]
struct Config {
    path: String,
}

/// The stores of this process that run, by module name. Steps look here.
#[derive(Clone, Default)]
pub(crate) struct Stores(Arc<Mutex<HashMap<String, Arc<Database>>>>);

impl Stores {
    /// The database of the module of that name.
    pub(crate) fn get(&self, name: &str) -> Result<Arc<Database>, Error> {
        let stores = self.lock();
        stores.get(name).cloned().ok_or_else(|| {
            let mut names: Vec<_> = stores.keys().map(String::as_str).collect();
            names.sort_unstable();
            let running = if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            };
            Error::new(format!(
                "no store {name:?} is running; running are: {running}"
            ))
        })
    }

    fn add(&self, name: &str, database: Arc<Database>) {
        self.lock().insert(name.to_owned(), database);
    }

    /// Takes it out, unless a newer module of that name has taken its place.
    fn remove(&self, name: &str, database: &Arc<Database>) {
        let mut stores = self.lock();
        if stores
            .get(name)
            .is_some_and(|found| Arc::ptr_eq(found, database))
        {
            stores.remove(name);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Database>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The module. Its file is open from init on; steps reach it while it is started.
pub(crate) struct Store {
    name: String,
    path: PathBuf,
    stores: Stores,
    database: OnceLock<Arc<Database>>,
}

impl Store {
    pub(crate) fn new(name: &str, config: &Map, stores: Stores) -> Result<Self, Error> {
        let parsed: Config = from_map(config).map_err(|error| error.context("config"))?;
        if parsed.path.is_empty() {
            return Err(Error::new("config: path is empty"));
        }
        let path = resolve_path(config, &parsed.path);
        Ok(Self {
            name: name.to_owned(),
            path,
            stores,
            database: OnceLock::new(),
        })
    }

    fn database(&self) -> Result<&Arc<Database>, Error> {
        self.database
            .get()
            .ok_or_else(|| Error::new(format!("store {:?} is not initialized", self.name)))
    }
}

#[async_trait]
impl ModuleInstance for Store {
    async fn init(&self) -> Result<(), Error> {
        let database = Database::open(self.path.clone())
            .await
            .map_err(|error| error.context(format!("open {}", self.path.display())))?;
        // Init runs once at a time, so nobody was faster.
        let _ = self.database.set(Arc::new(database));
        Ok(())
    }

    async fn start(&self) -> Result<(), Error> {
        self.stores.add(&self.name, self.database()?.clone());
        tracing::info!(store = self.name, path = %self.path.display(), "the store is open");
        Ok(())
    }

    async fn stop(&self) -> Result<(), Error> {
        self.stores.remove(&self.name, self.database()?);
        Ok(())
    }

    fn service(&self) -> Option<&dyn ServiceInvoker> {
        Some(self)
    }
}

#[async_trait]
impl ServiceInvoker for Store {
    async fn invoke(&self, method: &str, args: Map) -> Result<Map, Error> {
        service::invoke(self.database()?, method, &args).await
    }
}
