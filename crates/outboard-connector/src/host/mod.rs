//! Everything together: what is installed, what runs, what is remembered.
//!
//! [`ConnectorHost`] is what the server and the command line are built on. It lists and
//! describes connectors from their manifests, without a process, starts one at the first
//! call, and follows the directory while it runs.
//!
//! ```no_run
//! use outboard_connector::host::{CallRequest, Caller, ConnectorHost, HostConfig, HostError};
//!
//! # async fn example() -> Result<(), HostError> {
//! let host = ConnectorHost::open(HostConfig::new("/var/lib/outboard"))?;
//! let request = CallRequest {
//!     input: serde_json::json!({ "city": "Bern" }),
//!     ..CallRequest::default()
//! };
//! let answer = host.call("weather", "forecast", request, Caller::default(), None).await?;
//! println!("{}", answer.result);
//! host.shut_down().await;
//! # Ok(())
//! # }
//! ```

mod call;
mod changes;
mod config;
mod describe;
mod error;
mod history;
mod install;
mod instances;
mod keys;
mod logs;
mod registry;
mod review;
mod sign_in;
mod types;
mod watch;

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use outboard_contracts::connector::{Manifest, validate_key};
use outboard_go_plugin::host::{CallObserver, CallObservers};
use tokio::{
    sync::{Mutex, broadcast},
    task::JoinHandle,
};

pub use self::{
    changes::{Changes, FieldChanges, OperationChanges, Rights, changes},
    config::HostConfig,
    error::{HostError, HostErrorKind},
    keys::{TrustedKey, TrustedKeys},
    review::Review,
    sign_in::SignIn,
    types::*,
};
use self::{
    error::{of_state, of_store, problem_kind},
    registry::{Difference, Entries, Entry, EntryState},
    watch::Watch,
};
use crate::{
    catalog::Reader,
    oauth::{Limits, PendingSignIns, SignIns},
    package::signature_state,
    pool::{Pool, ProcessState, Program},
    secrets::Secrets,
    state::{
        State,
        history::{Recorder, RecorderConfig, Retention},
    },
    store::{Found, Locked, Store},
    trust::{SignaturePolicy, Trust},
};

/// How long the last calls get to be written, and what is looked for waits for them.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// How many changes a follower may lag behind.
const CHANGES: usize = 1024;

/// The connectors of one data directory. Clones are the same host.
#[derive(Clone)]
pub struct ConnectorHost {
    inner: Arc<Inner>,
}

struct Inner {
    config: HostConfig,
    store: Arc<Store>,
    state: Arc<State>,
    recorder: Arc<Recorder>,
    catalog: Arc<Reader>,
    pool: Pool,
    entries: RwLock<Arc<Entries>>,
    /// Held while the directory is looked at, so that one look follows the other.
    looking: Mutex<()>,
    changes: broadcast::Sender<Change>,
    observers: CallObservers,
    sign_ins: Arc<SignIns>,
    pending: Arc<PendingSignIns>,
    /// Follows the directory; ends with the host.
    following: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let following = self.following.get_mut();
        if let Some(task) = following.unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

impl fmt::Debug for ConnectorHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConnectorHost")
            .field("data_dir", &self.inner.config.data_dir)
            .finish_non_exhaustive()
    }
}

/// Progress of an installation, told as it happens; from another thread.
pub type InstallProgress = Arc<dyn Fn(crate::download::Progress) + Send + Sync>;
/// Progress of a call.
pub type OnProgress = Arc<dyn Fn(CallProgress) + Send + Sync>;

/// Something that changed.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ConnectorChange")
)]
pub struct Change {
    /// The connector.
    pub key: String,
    /// `installed`, `updated`, `removed`, `enabled`, `disabled` or `problem`.
    pub change: String,
    /// The version it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// More, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl ConnectorHost {
    /// Opens the data directory, makes what is missing in it, and finishes or undoes what an
    /// installation that was cut off has left. No process is started and nothing is
    /// watched yet. Blocks on the disk, and must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::State`] when the database or the key for secrets cannot be used;
    /// [`HostErrorKind::Internal`] for directories; [`HostErrorKind::InvalidInput`] for
    /// settings and trusted keys.
    pub fn open(config: HostConfig) -> Result<ConnectorHost, HostError> {
        config.make_directories()?;
        let secrets = match &config.secret_key {
            Some(text) => Secrets::from_base64(text),
            None => Secrets::load_or_create(&config.keys_dir().join("secret.key")),
        };
        let secrets = secrets.map_err(|error| {
            HostError::new(
                HostErrorKind::State,
                format!("the key for secrets: {error}"),
            )
        })?;
        let state = State::open(&config.data_dir.join("outboard.db"), secrets).map_err(of_state)?;
        let recorder = state.recorder(RecorderConfig {
            retention: Retention {
                age: config.history_age,
                calls: config.history_count,
            },
            ..RecorderConfig::default()
        });
        let recorder = recorder.map_err(of_state)?;
        let state = Arc::new(state);
        let store = Store::open(
            &config.connectors_dir,
            &config.data_dir.join("outboard.lock"),
        )
        .map_err(of_store)?;
        let catalog = Reader::new(config.catalog()?);
        let pool = Pool::new(config.pool());
        let host = ConnectorHost {
            inner: Arc::new(Inner {
                store: Arc::new(store),
                recorder: Arc::new(recorder),
                catalog: Arc::new(catalog),
                pool,
                entries: RwLock::default(),
                looking: Mutex::default(),
                changes: broadcast::channel(CHANGES).0,
                observers: CallObservers::default(),
                sign_ins: Arc::new(SignIns::new(Arc::clone(&state), Limits::default())),
                state,
                pending: Arc::new(PendingSignIns::new(Limits::default().sign_in)),
                following: std::sync::Mutex::default(),
                config,
            }),
        };
        // A host that cannot know whom to trust runs nothing.
        let entries = host.look()?;
        host.follow(entries);
        Ok(host)
    }

    /// Begins to follow the directory and starts what is to be warm. For a server; a single
    /// command needs none of it.
    pub fn run(&self) {
        let watch = Watch::begin(
            &self.inner.config.connectors_dir,
            self.inner.config.poll_interval,
        );
        let host = Arc::downgrade(&self.inner);
        let task = tokio::spawn(async move {
            loop {
                watch.changed().await;
                let Some(inner) = host.upgrade() else { return };
                if let Err(error) = (ConnectorHost { inner }).reload().await {
                    tracing::warn!(%error, "the connectors could not be looked at; what ran runs on");
                }
            }
        });
        let mut following = self
            .inner
            .following
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = following.replace(task) {
            before.abort();
        }
        self.inner.pool.warm();
    }

    /// Drains and ends every process, and writes the last calls to the history. Calls
    /// from then on are refused. Idempotent.
    pub async fn shut_down(&self) {
        let following = self
            .inner
            .following
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(task) = following {
            task.abort();
        }
        self.inner.pool.shutdown().await;
        let recorder = Arc::clone(&self.inner.recorder);
        let written = tokio::task::spawn_blocking(move || recorder.flush(FLUSH_TIMEOUT));
        if !written.await.unwrap_or(false) {
            tracing::warn!("the last calls could not be written to the history in time");
        }
    }

    /// Looks at the directory now. It happens by itself while the host runs.
    ///
    /// # Errors
    ///
    /// When keys, state or directory cannot be read. Nothing changes then.
    pub async fn reload(&self) -> Result<(), HostError> {
        let _turn = self.inner.looking.lock().await;
        let host = self.clone();
        let entries = blocking(move || host.look()).await?;
        self.follow(entries);
        Ok(())
    }

    /// The settings that it is run with.
    pub fn config(&self) -> &HostConfig {
        &self.inner.config
    }

    /// What `outboard.lock` says about a connector: version, source and digests.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::Internal`] when the file cannot be understood.
    pub async fn locked(&self, key: &str) -> Result<Option<Locked>, HostError> {
        let (store, key) = (Arc::clone(&self.inner.store), key.to_owned());
        blocking(move || {
            let mut file = store.lock_file().map_err(of_store)?;
            Ok(file.connectors.remove(&key))
        })
        .await
    }

    /// The names of the variables of this process's environment that a connector gets.
    pub fn environment_names(&self) -> Vec<String> {
        self.inner.config.pool().environment.names()
    }

    /// What changes, as it changes.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.inner.changes.subscribe()
    }

    /// Whether the database can be read.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::State`].
    pub async fn check(&self) -> Result<(), HostError> {
        self.with_state(|state| state.disabled().map_err(of_state))
            .await?;
        Ok(())
    }

    /// Tells somebody of each call of what is installed that ends, for as long as it is
    /// there.
    pub fn observe_calls(&self, observer: &Arc<dyn CallObserver>) {
        self.inner.observers.add(observer);
    }

    /// What is installed, sorted by key, also what cannot be used.
    ///
    /// # Errors
    ///
    /// None yet.
    pub async fn list(&self, query: ListQuery) -> Result<Vec<Summary>, HostError> {
        let entries = self.entries();
        let listed = entries
            .values()
            .filter(|entry| query.kind.is_none_or(|kind| entry.kind() == kind))
            .map(|entry| self.summary(entry));
        Ok(listed.collect())
    }

    /// What is installed, sorted by key, each with its process. Asks the system about
    /// processes, so it blocks for a moment.
    pub fn statuses(&self, query: ListQuery) -> Vec<(Summary, ProcessDescription)> {
        let entries = self.entries();
        let listed = entries
            .values()
            .filter(|entry| query.kind.is_none_or(|kind| entry.kind() == kind))
            .map(|entry| self.summary_and_process(entry));
        listed.collect()
    }

    /// All about one connector.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::NotFound`].
    pub async fn describe(&self, key: &str) -> Result<Description, HostError> {
        let entry = self.entry(key)?;
        let store = Arc::clone(&self.inner.store);
        let owned = key.to_owned();
        // One that is broken can be described as far as it goes.
        let versions = blocking(move || Ok(store.versions(&owned).unwrap_or_default())).await?;
        let versions = versions
            .into_iter()
            .map(|version| version.version)
            .collect();
        let module = entry.manifest().map(|manifest| manifest.module.clone());
        let module = module.unwrap_or_default();
        // With those that every connector with a sign-in has, declared or not.
        let config = crate::state::instances::fields(&module);
        Ok(Description {
            summary: self.summary(&entry),
            config_schema: outboard_contracts::connector::arguments::schema(&config),
            operations_list: describe::operations(&module),
            config,
            oauth: module.oauth,
            versions,
            process: self.process(key),
        })
    }

    /// Lets a connector be called, or not. Calls that run finish.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::NotFound`] when it is not installed.
    pub async fn set_enabled(&self, key: &str, enabled: bool) -> Result<Summary, HostError> {
        self.entry(key)?;
        let owned = key.to_owned();
        self.with_state(move |state| state.set_enabled(&owned, enabled).map_err(of_state))
            .await?;
        self.reload().await?;
        Ok(self.summary(&*self.entry(key)?))
    }

    fn process(&self, key: &str) -> ProcessDescription {
        let Some(status) = self.inner.pool.status_of(key) else {
            return ProcessDescription {
                state: "stopped".to_owned(),
                ..ProcessDescription::default()
            };
        };
        let state = match status.state {
            ProcessState::Stopped => "stopped",
            ProcessState::Starting => "starting",
            ProcessState::Busy => "busy",
            ProcessState::Checking => "checking",
            ProcessState::Resting => "resting",
            _ => "idle",
        };
        ProcessDescription {
            state: state.to_owned(),
            pid: status.pid,
            in_flight: status.in_flight,
            waiting: status.queued,
            leaving: status.leaving,
            starts: status.starts,
            crashes: status.crashes,
            uptime_ms: status.up_for.map(milliseconds),
            memory_bytes: status.memory_bytes,
            last_error: status.last_error.map(|error| error.text.to_string()),
            retry_in_ms: status.resting_for.map(milliseconds),
        }
    }

    fn summary(&self, entry: &Entry) -> Summary {
        self.summary_and_process(entry).0
    }

    fn summary_and_process(&self, entry: &Entry) -> (Summary, ProcessDescription) {
        let (mut summary, process) = (entry.summary(), self.process(&entry.key));
        summary.state.clone_from(&process.state);
        summary.pid = process.pid;
        (summary, process)
    }

    fn entries(&self) -> Arc<Entries> {
        let entries = self.inner.entries.read();
        Arc::clone(&entries.unwrap_or_else(PoisonError::into_inner))
    }

    fn entry(&self, key: &str) -> Result<Arc<Entry>, HostError> {
        validate_key(key).map_err(|error| HostError::new(HostErrorKind::InvalidName, error))?;
        self.entries().get(key).cloned().ok_or_else(|| {
            HostError::new(HostErrorKind::NotFound, format!("{key} is not installed")).hint(
                "`outboard connector list` shows what is, `outboard connector install` installs",
            )
        })
    }

    fn manifest(&self, key: &str) -> Result<Arc<Manifest>, HostError> {
        let entry = self.entry(key)?;
        entry.manifest().cloned().ok_or_else(|| {
            HostError::new(
                HostErrorKind::Unusable,
                format!("{key} has no manifest that can be read"),
            )
        })
    }

    /// Everything that is there, judged. Blocks.
    fn look(&self) -> Result<Entries, HostError> {
        let trust = self.trust()?;
        let disabled = self.inner.state.disabled().map_err(of_state)?;
        let found = self.inner.store.try_scan().map_err(of_store)?;
        Ok(found
            .into_iter()
            .map(|found| {
                let enabled = !disabled.contains(&found.name);
                (found.name.clone(), Arc::new(judged(found, enabled, &trust)))
            })
            .collect())
    }

    fn trust(&self) -> Result<Trust, HostError> {
        let config = &self.inner.config;
        let policy = config.policy()?;
        Trust::load(&config.keys_dir(), policy, &|name| std::env::var(name).ok())
            .map_err(|error| HostError::new(HostErrorKind::InvalidInput, error))
    }

    /// Takes a look for what is there from now on.
    fn follow(&self, entries: Entries) {
        let before = self.entries();
        for difference in registry::differences(&before, &entries) {
            match difference {
                Difference::Run(installed) => {
                    let set = self.inner.pool.set(Program {
                        key: installed.key.clone(),
                        version: installed.version.clone(),
                        program: installed.program.clone(),
                        sha256: installed.manifest.sha256.clone(),
                    });
                    if let Err(error) = set {
                        tracing::warn!(connector = installed.key, %error, "it cannot be run");
                    }
                }
                Difference::Stop(key) => {
                    self.inner.pool.remove(&key);
                }
                Difference::Tell {
                    key,
                    change,
                    version,
                    detail,
                } => {
                    tracing::debug!(connector = key, change, version, "connectors changed");
                    // Nobody listening is not an error.
                    let _ = self.inner.changes.send(Change {
                        key,
                        change: change.to_owned(),
                        version: (!version.is_empty()).then_some(version),
                        detail,
                    });
                }
            }
        }
        let mut current = self
            .inner
            .entries
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(entries);
    }

    async fn with_state<T: Send + 'static>(
        &self,
        work: impl FnOnce(&State) -> Result<T, HostError> + Send + 'static,
    ) -> Result<T, HostError> {
        let state = Arc::clone(&self.inner.state);
        blocking(move || work(&state)).await
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whether what was found may run. What it was installed with counts no more: the policy
/// that is set does, and revocations.
fn judged(found: Found, enabled: bool, trust: &Trust) -> Entry {
    let state = match found.installed {
        Err(error) => EntryState::Broken {
            problem: Problem {
                kind: problem_kind(&error).to_owned(),
                detail: error.to_string(),
            },
        },
        Ok(installed) => {
            let policy = running_policy(trust);
            let manifest = &installed.manifest;
            match signature_state(&installed.manifest_bytes, manifest, trust, policy) {
                Ok(signed) => EntryState::Usable {
                    installed: Arc::new(installed),
                    signed,
                },
                Err(problem) => EntryState::Refused {
                    problem: Problem {
                        kind: "refused".to_owned(),
                        detail: problem.to_string(),
                    },
                    installed: Arc::new(installed),
                },
            }
        }
    };
    Entry {
        key: found.name,
        enabled,
        state,
    }
}

/// What is asked of a connector that is installed already.
fn running_policy(trust: &Trust) -> SignaturePolicy {
    let policy = trust.explicit_policy();
    policy.unwrap_or(SignaturePolicy::UnsignedOk)
}

/// Runs what blocks where blocking is allowed.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HostError> + Send + 'static,
) -> Result<T, HostError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(HostError::new(
            HostErrorKind::Internal,
            format!("work on the disk was cut off: {error}"),
        )),
    }
}
