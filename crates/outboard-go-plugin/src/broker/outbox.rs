//! Messages on their way to the peer's broker, kept while the stream that
//! carries them is away.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::generated::plugin::ConnInfo;

/// How many messages may wait.
const KEPT: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<ConnInfo>,
    /// Which stream carries them: a newer one takes the place of an older.
    carrier: u64,
    ended: bool,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message in; `false` if there is no room or it has ended.
    pub(super) fn push(&self, message: ConnInfo) -> bool {
        {
            let mut state = self.lock();
            if state.ended || state.messages.len() >= KEPT {
                return false;
            }
            state.messages.push_back(message);
        }
        self.changed.notify_waiters();
        true
    }

    /// Makes the caller the one that carries messages, instead of an earlier one.
    pub(super) fn carry(&self) -> u64 {
        let carrier = {
            let mut state = self.lock();
            state.carrier += 1;
            state.carrier
        };
        self.changed.notify_waiters();
        carrier
    }

    /// The next message for this carrier; nothing once it was replaced or all
    /// is over.
    pub(super) async fn next(&self, carrier: u64) -> Option<ConnInfo> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let mut state = self.lock();
                if state.carrier != carrier {
                    return None;
                }
                if let Some(message) = state.messages.pop_front() {
                    return Some(message);
                }
                if state.ended {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Lets the carrier end once what is there has left.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_waiters();
    }
}
