//! One operation on a plugin at a time, first come first served.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

type Waiting = Arc<Mutex<BTreeMap<String, Arc<Semaphore>>>>;

/// The turns of all plugins; a plugin is in it only while somebody has or waits for
/// its turn. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns(Waiting);

/// The right to change one plugin. The next in line has it when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Waiting,
    name: String,
    /// Absent while it is waited for.
    permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// Waits for this caller's turn. How long the one before may take is bounded by the
    /// deadlines of what it does, and the waiting itself by the request's.
    pub(crate) async fn take(&self, name: &str) -> Turn {
        let semaphore = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let semaphore = turns
                .entry(name.to_owned())
                .or_insert_with(|| Arc::new(Semaphore::new(1)));
            Arc::clone(semaphore)
        };
        let mut turn = Turn {
            turns: Arc::clone(&self.0),
            name: name.to_owned(),
            permit: None,
        };
        // It is never closed; without a permit the manager's own turns still hold.
        turn.permit = semaphore.acquire_owned().await.ok();
        turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.permit = None;
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody else has it, so nobody else can wait for it.
        let unused = turns
            .get(&self.name)
            .is_some_and(|semaphore| Arc::strong_count(semaphore) == 1);
        if unused {
            turns.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn one_plugin_has_one_turn_and_nothing_is_left_of_it() {
        let turns = Turns::default();
        let first = turns.take("kv").await;
        let mut second = Box::pin(turns.take("kv"));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(turns.take("other").now_or_never().is_some());
        drop(first);
        drop(second.now_or_never().expect("its turn"));
        let third = turns.take("kv").await;
        // One who goes away while waiting leaves nothing either.
        assert!(turns.take("kv").now_or_never().is_none());
        drop(third);
        assert!(turns.0.lock().expect("a map").is_empty());
    }
}
