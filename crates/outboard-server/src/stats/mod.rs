//! How calls went: since the server began, for `/metrics`, and minute by minute over the
//! last hour, for people.
//!
//! [`Book`] is the pure state and takes the time; [`Stats`] gives it the clock and one
//! lock, held for as long as it takes to count. Memory is bounded: so many plugins, so
//! many operations of each, and what comes after them is counted as `other`.

mod book;
mod histogram;
mod hour;
mod route;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use self::book::Book;
pub(crate) use self::{
    book::{Outcome, Which},
    hour::{Bucket, MINUTES},
    route::stats,
};
use crate::processes::Family;

/// The numbers of one server. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Stats {
    book: Arc<Mutex<Book>>,
}

impl fmt::Debug for Stats {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stats").finish_non_exhaustive()
    }
}

impl Stats {
    /// Notes a call that has ended.
    pub(crate) fn record(
        &self,
        family: Family,
        plugin: &str,
        operation: &str,
        outcome: Outcome,
        took: Duration,
    ) {
        let minute = this_minute();
        self.lock()
            .record(minute, family, plugin, operation, outcome, took);
    }

    /// Calls and errors of a plugin in the last hour.
    pub(crate) fn last_hour(&self, family: Family, plugin: &str) -> (u64, u64) {
        self.lock().last_hour(this_minute(), family, plugin)
    }

    /// The last hour minute by minute, oldest first.
    pub(crate) fn hour(&self, which: &Which<'_>) -> [Bucket; MINUTES] {
        self.lock().hour(this_minute(), which)
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Minutes since 1970.
fn this_minute() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs() / 60
}
