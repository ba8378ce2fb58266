//! What the parts of the pool share, and the performing of what the policy decides.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Instant, SystemTime},
};

use outboard_go_plugin::host::{PluginEventKind, PluginLog};
use tokio::{
    runtime::Handle,
    sync::{Notify, mpsc, oneshot},
    task::AbortHandle,
};

use super::{
    Lease, PoolConfig, PoolError,
    error::StartFailure,
    keeper::{Command, End, Keeper, Running},
    plugin::Plugin,
    policy::{Action, Key, Policy, ProcessId, Refusal, WaiterId},
    status::LastError,
};

/// More than one process is ever told at once: one check and one stop.
const COMMANDS: usize = 4;

pub(super) struct Shared {
    pub(super) config: PoolConfig,
    /// Held for moments only: nothing is started, stopped or waited for under it.
    state: Mutex<State>,
    /// Something is due earlier than the timer thinks.
    earlier: Notify,
    /// A process is gone.
    pub(super) gone: Notify,
    runtime: Handle,
    this: Weak<Shared>,
}

pub(super) struct State {
    pub(super) policy: Policy,
    pub(super) records: HashMap<Key, Record>,
    processes: HashMap<ProcessId, Kept>,
    pub(super) waiting: HashMap<WaiterId, Waiting>,
    /// For when the timer is set.
    armed: Option<Instant>,
    /// What must be dropped without the lock.
    left: Vec<Lease>,
    timer: Option<AbortOnDrop>,
}

/// What is kept of a connector for as long as it is there.
pub(super) struct Record {
    pub(super) plugin: Arc<Plugin>,
    pub(super) log: PluginLog,
    pub(super) last_error: Option<LastError>,
    failure: Option<Arc<StartFailure>>,
}

pub(super) struct Waiting {
    pub(super) key: Key,
    pub(super) answer: oneshot::Sender<Result<Lease, PoolError>>,
}

/// A process from outside of its task. Dropping it ends both.
struct Kept {
    commands: mpsc::Sender<Command>,
    running: Option<Arc<Running>>,
    _task: AbortOnDrop,
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Shared {
    pub(super) fn new(config: PoolConfig, runtime: Handle) -> Arc<Shared> {
        let policy = Policy::new(config.settings());
        let shared = Arc::new_cyclic(|this| Shared {
            config,
            state: Mutex::new(State {
                policy,
                records: HashMap::new(),
                processes: HashMap::new(),
                waiting: HashMap::new(),
                armed: None,
                left: Vec::new(),
                timer: None,
            }),
            earlier: Notify::new(),
            gone: Notify::new(),
            runtime,
            this: this.clone(),
        });
        let timer = shared.runtime.spawn(keep_time(Arc::clone(&shared)));
        shared.lock().timer = Some(AbortOnDrop(timer.abort_handle()));
        shared
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// Tells the policy something and performs what it makes of it.
    pub(super) fn apply<T>(&self, tell: impl FnOnce(&mut State) -> T) -> T {
        let (told, left, earlier) = {
            let mut state = self.lock();
            let told = tell(&mut state);
            for action in state.policy.take_actions() {
                self.perform(&mut state, action);
            }
            let next = state.policy.next_timeout();
            let earlier = match (next, state.armed) {
                (Some(next), Some(armed)) => next < armed,
                (next, _) => next.is_some(),
            };
            (told, std::mem::take(&mut state.left), earlier)
        };
        if earlier {
            self.earlier.notify_one();
        }
        // Leases that nobody took come back through here.
        drop(left);
        told
    }

    fn perform(&self, state: &mut State, action: Action) {
        match action {
            Action::Start { key, process } => self.start(state, &key, process),
            Action::Grant { waiter, process } => {
                let waiting = state.waiting.remove(&waiter);
                let lease = self.lease(state, process);
                state.left.extend(match (waiting, lease) {
                    (Some(waiting), Some(lease)) => match waiting.answer.send(Ok(lease)) {
                        // Whoever waited has gone in this moment.
                        Err(Ok(lease)) => Some(lease),
                        _ => None,
                    },
                    (_, lease) => lease,
                });
            }
            Action::Refuse { waiter, why } => {
                if let Some(waiting) = state.waiting.remove(&waiter) {
                    let error = self.error(state, &waiting.key, why);
                    // Whoever has gone does not need it.
                    let _ = waiting.answer.send(Err(error));
                }
            }
            Action::Check { process } => state.tell(process, Command::Check),
            Action::Stop { process, why } => state.tell(process, Command::Stop(why)),
            Action::Opened {
                key,
                failures,
                delay,
            } => {
                let attempt = failures;
                self.config
                    .events
                    .send(&key, PluginEventKind::Restarting { attempt, delay });
            }
        }
    }

    fn start(&self, state: &mut State, key: &Key, process: ProcessId) {
        let Some(record) = state.records.get(key) else {
            return;
        };
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let keeper = Keeper {
            pool: self.this.clone(),
            process,
            plugin: Arc::clone(&record.plugin),
            commands: receiver,
            check_timeout: self.config.check_timeout,
        };
        let task = self.runtime.spawn(keeper.run());
        let kept = Kept {
            commands,
            running: None,
            _task: AbortOnDrop(task.abort_handle()),
        };
        state.processes.insert(process, kept);
    }

    /// A lease of a process that the policy has counted it for.
    pub(super) fn lease(&self, state: &State, process: ProcessId) -> Option<Lease> {
        let running = state.processes.get(&process)?.running.clone()?;
        Some(Lease::new(self.this.upgrade()?, process, running))
    }

    /// What a refusal says to whoever asked for this connector.
    pub(super) fn error(&self, state: &State, key: &str, why: Refusal) -> PoolError {
        let plugin = key.to_owned();
        let record = state.records.get(key);
        match why {
            Refusal::Unknown => PoolError::Unknown { plugin },
            Refusal::ShuttingDown => PoolError::ShuttingDown,
            Refusal::Removed => PoolError::Removed { plugin },
            Refusal::QueueFull => PoolError::QueueFull {
                plugin,
                limit: self.config.max_queue,
            },
            Refusal::TimedOut { waited, reason } => PoolError::Timeout {
                plugin,
                waited,
                reason,
            },
            Refusal::StartFailed => match record.and_then(|record| record.failure.clone()) {
                Some(failure) => PoolError::Start(failure),
                None => PoolError::Removed { plugin },
            },
            Refusal::Resting { until } => {
                let now = Instant::now();
                let view = state.policy.view(key, now);
                let last_error = record.and_then(|record| record.last_error.as_ref());
                PoolError::Resting {
                    plugin,
                    failures: view.map_or(0, |view| view.failures),
                    retry_after: until.saturating_duration_since(now),
                    last_error: last_error.map(|error| error.text.clone()),
                }
            }
        }
    }

    pub(super) fn started(&self, process: ProcessId, running: Arc<Running>) {
        self.apply(|state| {
            if let Some(kept) = state.processes.get_mut(&process) {
                kept.running = Some(running);
            }
            state.policy.started(process, Instant::now());
        });
    }

    pub(super) fn checked(&self, process: ProcessId, plugin: &Plugin, well: bool) {
        self.apply(|state| {
            if !well {
                let text = format!("it did not answer a health check within {:?}", {
                    self.config.check_timeout
                });
                state.note(plugin, text.into());
            }
            state.policy.checked(process, well, Instant::now());
        });
    }

    pub(super) fn ended(&self, process: ProcessId, plugin: &Plugin, end: End) {
        self.apply(|state| {
            // Its task is the one that is here, so nothing is cut short.
            state.processes.remove(&process);
            match end {
                End::NotStarted(failure) => {
                    state.note(plugin, failure.to_string().into());
                    if let Some(record) = state.records.get_mut(&plugin.key)
                        && record.plugin.program == plugin.program
                    {
                        record.failure = Some(failure);
                    }
                    state.policy.start_failed(process, Instant::now());
                }
                End::Exited(report) => {
                    if let Some(report) = report.filter(|report| !report.requested) {
                        state.note(plugin, report.to_string().into());
                    }
                    state.policy.exited(process, Instant::now());
                }
            }
        });
        self.gone.notify_waiters();
    }
}

impl State {
    fn tell(&mut self, process: ProcessId, command: Command) {
        let Some(kept) = self.processes.get(&process) else {
            return;
        };
        if kept.commands.try_send(command).is_err() {
            // Its task has just ended and says so itself in a moment.
            tracing::trace!(?process, ?command, "a process was gone before it was told");
        }
    }

    /// Keeps what went wrong, for the status and for whoever is refused because of it.
    fn note(&mut self, plugin: &Plugin, text: Arc<str>) {
        if let Some(record) = self.records.get_mut(&plugin.key)
            && record.plugin.program == plugin.program
        {
            record.last_error = Some(LastError {
                at: SystemTime::now(),
                text,
            });
        }
    }

    /// Puts a program in place. Gives back what was there, to be dropped without the lock:
    /// a verified copy may go with it.
    pub(super) fn place(&mut self, plugin: Plugin, log: PluginLog) -> Option<Record> {
        let key = self.policy_key(&plugin);
        let record = Record {
            plugin: Arc::new(plugin),
            log,
            last_error: None,
            failure: None,
        };
        let before = self.records.insert(key.clone(), record);
        self.policy.set(&key, Instant::now());
        before
    }

    fn policy_key(&self, plugin: &Plugin) -> Key {
        let known = self.records.get_key_value(&plugin.key);
        known.map_or_else(|| plugin.key.clone(), |(key, _)| key.clone())
    }

    pub(super) fn pid(&self, process: ProcessId) -> Option<u32> {
        let running = self.processes.get(&process)?.running.as_ref()?;
        Some(running.pid)
    }

    /// Ends everything at once.
    pub(super) fn abandon(&mut self) -> impl Sized + use<> {
        self.policy.shut_down(Instant::now());
        (
            std::mem::take(&mut self.processes),
            std::mem::take(&mut self.waiting),
            self.timer.take(),
        )
    }
}

/// Wakes the policy when something is due. Ends with the pool, which aborts it.
async fn keep_time(shared: Arc<Shared>) {
    loop {
        let next = {
            let mut state = shared.lock();
            state.armed = state.policy.next_timeout();
            state.armed
        };
        let earlier = shared.earlier.notified();
        match next {
            Some(next) => tokio::select! {
                () = tokio::time::sleep_until(next.into()) => shared.apply(|state| {
                    state.armed = None;
                    state.policy.tick(Instant::now());
                }),
                () = earlier => {}
            },
            None => earlier.await,
        }
    }
}
