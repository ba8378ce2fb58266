//! The right to use a process, for as long as it is held.

use std::{fmt, sync::Arc, time::Instant};

use super::{
    keeper::Running,
    policy::{ProcessId, WaiterId},
    shared::Shared,
};
use crate::client::GrpcConn;

/// The right to call a connector's process. Dropping it gives the right back.
///
/// While it is held the process is neither evicted nor reaped for being idle; one that is
/// replaced or removed lives on until its leases end, for the drain timeout at most.
///
/// It is meant for one call at a time: it counts as one under the connector's limit.
pub struct Lease {
    pool: Arc<Shared>,
    process: ProcessId,
    running: Arc<Running>,
}

impl Lease {
    pub(super) fn new(pool: Arc<Shared>, process: ProcessId, running: Arc<Running>) -> Lease {
        Lease {
            pool,
            process,
            running,
        }
    }

    /// The client of the process.
    pub fn connection(&self) -> &GrpcConn {
        &self.running.connection
    }

    /// The connector's key.
    pub fn key(&self) -> &str {
        &self.running.plugin.key
    }

    /// The version of the program that runs, which an update may have left behind.
    pub fn version(&self) -> &str {
        &self.running.plugin.program.version
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.running.pid
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let suspect = self.running.connection.take_suspicion();
        self.pool.apply(|state| {
            state.policy.released(self.process, suspect, Instant::now());
        });
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("key", &self.key())
            .field("version", &self.version())
            .field("pid", &self.pid())
            .finish_non_exhaustive()
    }
}

/// Takes somebody out of the queue who does not wait any longer.
pub(super) struct Place {
    pub(super) pool: Arc<Shared>,
    pub(super) waiter: WaiterId,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.pool.apply(|state| {
            // Gone already once it was answered.
            if state.waiting.remove(&self.waiter).is_some() {
                state.policy.cancel(self.waiter, Instant::now());
            }
        });
    }
}
