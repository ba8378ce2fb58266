//! Newer versions in catalogs, as far as they are known without waiting for a catalog.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use outboard_connector::host::{ConnectorHost, SearchAnswer};
use tokio::{sync::watch, task::AbortHandle};

/// How old what is known may be before it is looked up again.
const FRESH: Duration = Duration::from_secs(60);
/// How long the first who asks waits for catalogs on this machine.
const FIRST_LOOK: Duration = Duration::from_millis(200);

/// What was known of the catalogs when they were looked at last.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Known {
    /// The newest version for this platform, by key.
    newest: BTreeMap<String, String>,
    /// What is wrong with catalogs.
    pub(crate) warnings: Vec<String>,
    /// Whether they were ever looked at.
    pub(crate) looked: bool,
}

impl Known {
    fn of(found: SearchAnswer) -> Known {
        Known {
            newest: found
                .available
                .into_iter()
                .filter(|available| available.update_available)
                .map(|available| (available.key, available.version))
                .collect(),
            warnings: found.warnings,
            looked: true,
        }
    }

    /// The newer version of a connector, if one was seen and it is not there by now.
    pub(crate) fn update_of(&self, key: &str, installed: &str) -> Option<String> {
        let newest = self.newest.get(key)?;
        (newest != installed).then(|| newest.clone())
    }
}

/// Looks at the catalogs in the background, one look at a time. Clones share it; the look
/// ends with the last of them.
#[derive(Clone, Debug)]
pub(crate) struct Updates {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    known: watch::Sender<Arc<Known>>,
    look: Mutex<Look>,
}

#[derive(Debug, Default)]
struct Look {
    began: Option<Instant>,
    task: Option<AbortHandle>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        let look = self.look.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = look.task.take() {
            task.abort();
        }
    }
}

impl Default for Updates {
    fn default() -> Updates {
        Updates {
            shared: Arc::new(Shared {
                known: watch::channel(Arc::default()).0,
                look: Mutex::default(),
            }),
        }
    }
}

impl Updates {
    /// What is known now. If that is old, a look begins that the next one profits from;
    /// only the first waits, and not for long.
    pub(crate) async fn known(&self, host: &ConnectorHost) -> Arc<Known> {
        let mut known = self.shared.known.subscribe();
        self.look_if_old(host, Instant::now());
        let looked = known.wait_for(|known| known.looked);
        // What is late comes to the next one.
        let _ = tokio::time::timeout(FIRST_LOOK, looked).await;
        let latest = self.shared.known.borrow();
        Arc::clone(&latest)
    }

    fn look_if_old(&self, host: &ConnectorHost, now: Instant) {
        let mut look = self.lock();
        let running = look.task.as_ref().is_some_and(|task| !task.is_finished());
        let fresh = look
            .began
            .is_some_and(|began| now.saturating_duration_since(began) < FRESH);
        if running || fresh {
            return;
        }
        look.began = Some(now);
        let (host, shared) = (host.clone(), Arc::downgrade(&self.shared));
        let task = tokio::spawn(async move {
            match host.search("").await {
                Ok(found) => {
                    if let Some(shared) = shared.upgrade() {
                        shared.known.send_replace(Arc::new(Known::of(found)));
                    }
                }
                Err(error) => tracing::debug!(%error, "the catalogs could not be looked at"),
            }
        });
        look.task = Some(task.abort_handle());
    }

    fn lock(&self) -> MutexGuard<'_, Look> {
        let look = self.shared.look.lock();
        look.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use outboard_connector::host::Available;

    use super::*;

    fn available(key: &str, version: &str, update_available: bool) -> Available {
        Available {
            key: key.to_owned(),
            name: String::new(),
            description: String::new(),
            version: version.to_owned(),
            arch_ok: true,
            digest: false,
            os_arch: Vec::new(),
            tags: Vec::new(),
            kind: "connector".to_owned(),
            catalog: String::new(),
            installed: None,
            update_available,
        }
    }

    #[test]
    fn only_what_is_newer_and_not_yet_installed_is_an_update() {
        let known = Known::of(SearchAnswer {
            available: vec![
                available("weather", "2.0.0", true),
                available("news", "1.0.0", false),
            ],
            warnings: Vec::new(),
        });
        assert_eq!(
            known.update_of("weather", "1.0.0").as_deref(),
            Some("2.0.0")
        );
        assert_eq!(known.update_of("weather", "2.0.0"), None);
        assert_eq!(known.update_of("news", "1.0.0"), None);
        assert_eq!(known.update_of("unknown", "1.0.0"), None);
    }
}
