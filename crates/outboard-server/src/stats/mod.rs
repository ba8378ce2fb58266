//! How calls and runs went: since the server began, for `/metrics`, and minute by minute
//! over the last hour, for people.
//!
//! [`Book`] is the pure state and takes the time; [`Stats`] gives it the clock and one
//! lock, held for as long as it takes to count. Memory is bounded: so many plugins, so
//! many operations of each, and what comes after them is counted as `other`.

mod book;
mod describe;
mod histogram;
mod hour;
mod route;
mod series;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use outboard_connector::host::ConnectorHost;
use outboard_go_plugin::host::{CallObserver, CallReport};
use outboard_workflow::{
    engine::{EndedRun, EndedStep, Engine, RunObserver},
    external::ExternalPluginManager,
};

pub(crate) use self::{
    book::{Book, OTHER, Which},
    describe::operation,
    hour::{Bucket, MINUTES},
    route::stats,
    series::{BOUNDS, Durations, Series},
};
use crate::processes::Family;

/// The numbers of one server. Clones share them.
#[derive(Clone)]
pub(crate) struct Stats {
    book: Arc<Mutex<Book>>,
    // Whoever is asked to tell them holds them weakly: they end with the server.
    workflow: Arc<dyn CallObserver>,
    connectors: Arc<dyn CallObserver>,
    runs: Arc<dyn RunObserver>,
}

impl fmt::Debug for Stats {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stats").finish_non_exhaustive()
    }
}

impl Default for Stats {
    fn default() -> Stats {
        let book = Arc::default();
        let of = |family| OfFamily {
            family,
            book: Arc::clone(&book),
        };
        Stats {
            workflow: Arc::new(of(Family::Workflow)),
            connectors: Arc::new(of(Family::Connector)),
            runs: Arc::new(OfRuns(Arc::clone(&book))),
            book,
        }
    }
}

impl Stats {
    /// Counts from now on what these do.
    pub(crate) fn observe(
        &self,
        manager: &ExternalPluginManager,
        engine: &Engine,
        connectors: Option<&ConnectorHost>,
    ) {
        manager.observe_calls(&self.workflow);
        engine.observe_runs(&self.runs);
        if let Some(host) = connectors {
            host.observe_calls(&self.connectors);
        }
    }

    /// Calls and errors of a plugin in the last hour.
    pub(crate) fn last_hour(&self, family: Family, plugin: &str) -> (u64, u64) {
        self.read(|book, now| book.last_hour(now, family, plugin))
    }

    /// The calls of the last hour minute by minute, oldest first.
    pub(crate) fn hour(&self, which: &Which<'_>) -> [Bucket; MINUTES] {
        self.read(|book, now| book.hour(now, which))
    }

    /// The same of runs, of one pipeline or of all.
    pub(crate) fn hour_of_runs(&self, pipeline: Option<&str>) -> [Bucket; MINUTES] {
        self.read(|book, now| book.hour_of_runs(now, pipeline))
    }

    /// Looks at everything that was counted, at this minute. Calls that end meanwhile wait.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Book, u64) -> T) -> T {
        look(&lock(&self.book), this_minute())
    }
}

struct OfFamily {
    family: Family,
    book: Arc<Mutex<Book>>,
}

impl CallObserver for OfFamily {
    fn call_ended(&self, call: &CallReport<'_>) {
        lock(&self.book).call(this_minute(), self.family, call);
    }
}

struct OfRuns(Arc<Mutex<Book>>);

impl RunObserver for OfRuns {
    fn run_ended(&self, run: &EndedRun<'_>) {
        lock(&self.0).run(this_minute(), run);
    }

    fn step_ended(&self, step: &EndedStep<'_>) {
        lock(&self.0).step(this_minute(), step);
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Minutes since 1970.
fn this_minute() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs() / 60
}
