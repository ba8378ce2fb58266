//! Following a directory: the system tells of changes, and a look from time to time makes
//! up for what it does not tell, on a network file system say.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// How long changes are collected before they are looked at: an installation makes several.
const SETTLE: Duration = Duration::from_millis(100);

/// Tells when something below a directory may have changed.
pub(super) struct Watch {
    changed: Arc<Notify>,
    // Watches for as long as it lives.
    _watcher: Option<notify::RecommendedWatcher>,
    poll_interval: Duration,
}

impl Watch {
    /// Begins to watch. Without the system's help it looks from time to time alone.
    pub(super) fn begin(directory: &Path, poll_interval: Duration) -> Watch {
        let changed = Arc::new(Notify::new());
        let watcher = watcher(directory.to_owned(), Arc::clone(&changed));
        let watcher = watcher
            .inspect_err(|error| {
                tracing::warn!(
                    directory = %directory.display(), %error, every = ?poll_interval,
                    "changes of the directory are not told; it is looked at from time to time",
                );
            })
            .ok();
        Watch {
            changed,
            _watcher: watcher,
            poll_interval,
        }
    }

    /// Waits until something may have changed, at most for the interval.
    pub(super) async fn changed(&self) {
        let told = tokio::time::timeout(self.poll_interval, self.changed.notified()).await;
        if told.is_ok() {
            tokio::time::sleep(SETTLE).await;
        }
    }
}

fn watcher(
    directory: PathBuf,
    changed: Arc<Notify>,
) -> Result<notify::RecommendedWatcher, notify::Error> {
    let mut watcher =
        notify::recommended_watcher(move |event: Result<notify::Event, notify::Error>| {
            // Reading is no change; that the queue overflowed may be one.
            let reads = matches!(&event, Ok(event) if event.kind.is_access());
            if !reads {
                changed.notify_one();
            }
        })?;
    watcher.watch(&directory, RecursiveMode::Recursive)?;
    Ok(watcher)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_below_the_directory_is_told_long_before_the_interval_ends() {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("a");
        std::fs::create_dir(&inside).unwrap();
        let watch = Watch::begin(directory.path(), Duration::from_secs(600));
        std::fs::write(inside.join("plugin.json"), "{}").unwrap();
        let told = tokio::time::timeout(Duration::from_secs(60), watch.changed()).await;
        assert!(told.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_directory_that_cannot_be_watched_is_looked_at_from_time_to_time() {
        let watch = Watch::begin(Path::new("/nowhere/at/all"), Duration::from_secs(5));
        let before = tokio::time::Instant::now();
        watch.changed().await;
        assert_eq!(before.elapsed(), Duration::from_secs(5));
    }
}
