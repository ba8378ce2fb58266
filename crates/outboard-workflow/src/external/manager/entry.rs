//! One loaded plugin: starting its process, watching it, replacing it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Instant, SystemTime},
};

use outboard_go_plugin::{
    broker::Served,
    host::{
        ExitReport, PluginEventKind, PluginLog, PluginSpec, RestartDecision, RestartState, TlsMode,
    },
};
use tokio::{sync::Semaphore, task::AbortHandle};

use super::{
    ManagerError, PluginState, PluginStatus, Settings,
    discover::{self, OnDisk},
};
use crate::{
    engine::{EngineError, EngineErrorKind, EnginePlugin as _, PluginFailure},
    external::{
        ExternalPluginAdapter, GrpcPlugin,
        callback::PluginCallbacks,
        client::Description,
        handshake,
        link::{Link, LinkState, Remote, Session},
    },
};

/// A loaded plugin and what looks after it.
pub(super) struct Entry {
    name: outboard_contracts::PluginName,
    settings: Arc<Settings>,
    link: Arc<Link>,
    /// What the plugin may call, in whichever process.
    callbacks: Arc<PluginCallbacks>,
    log: PluginLog,
    state: Mutex<EntryState>,
    /// One load, reload, restart or unload at a time, first come first served.
    turn: Arc<Semaphore>,
    watcher: Mutex<Option<AbortHandle>>,
}

struct EntryState {
    adapter: Arc<ExternalPluginAdapter>,
    state: PluginState,
    since: SystemTime,
    restarts: u32,
    last_exit: Option<ExitReport>,
}

/// A process that was started and has said who it is, not in use yet.
pub(super) struct Candidate {
    on_disk: OnDisk,
    description: Description,
    session: Arc<Session>,
}

/// Starts a process of what is on disk and asks it who it is. On any error
/// nothing is left running.
pub(super) async fn start(
    settings: &Settings,
    name: &outboard_contracts::PluginName,
    log: &PluginLog,
    callbacks: &Arc<PluginCallbacks>,
) -> Result<Candidate, ManagerError> {
    let on_disk = discover::inspect(&settings.plugins_dir, name)?;
    let mut spec = PluginSpec::new(name.as_str(), &on_disk.program, handshake())
        .current_dir(&on_disk.directory)
        .inherit_environment(settings.inherit.clone())
        // The original's plugins know nothing of it, but the go-plugin below
        // them does; only plugins in other languages may lack it.
        .tls(TlsMode::AutoIfSupported)
        .start_timeout(settings.start_timeout)
        .shutdown_grace(settings.shutdown_grace)
        .events(settings.events.clone())
        .log(log.clone());
    if let Some(data) = settings.plugin_data_dir(name) {
        std::fs::create_dir_all(&data).map_err(|error| ManagerError::File {
            plugin: name.to_string(),
            file: "its data directory",
            error,
        })?;
        spec = spec.env(super::PLUGIN_DATA_DIR, data);
    }
    let process = spec.start().await?;
    if !process.is_encrypted() {
        tracing::warn!(
            plugin = name.as_str(),
            "it does not speak AutoMTLS: calls to it are in plain text, over a socket that only \
             this user can reach"
        );
    }
    let client = GrpcPlugin::new()
        .client(name.as_str(), process.channel())
        .with_deadlines(settings.deadlines);
    let session = Session::new(client, Some(process));
    let (session, description) = match introduce(session, callbacks).await {
        Ok(introduced) => introduced,
        Err((session, error)) => {
            stop(&session).await;
            return Err(ManagerError::Call {
                plugin: name.to_string(),
                error,
            });
        }
    };
    if !description.name.is_empty() && description.name != name.as_str() {
        tracing::warn!(
            plugin = name.as_str(),
            says = description.name,
            "the plugin calls itself differently than its plugin.json"
        );
    }
    Ok(Candidate {
        on_disk,
        description,
        session: Arc::new(session),
    })
}

/// Asks a new process who it is, and offers it the calls that it may make. That
/// comes before anything is made in it: what is made may call at once.
async fn introduce(
    session: Session,
    callbacks: &Arc<PluginCallbacks>,
) -> Result<(Session, Description), (Session, EngineError)> {
    let description = match session.client.describe().await {
        Ok(description) => description,
        Err(error) => return Err((session, error)),
    };
    match offer_callbacks(&session, callbacks).await {
        Ok(Some(served)) => Ok((session.with_callbacks(served), description)),
        Ok(None) => Ok((session, description)),
        Err(error) => Err((session, error)),
    }
}

/// Serves the plugin's calls and tells it where. `None` where it makes none, or has
/// no way to: it goes on without.
async fn offer_callbacks(
    session: &Session,
    callbacks: &Arc<PluginCallbacks>,
) -> Result<Option<Served>, EngineError> {
    let Some(process) = &session.process else {
        return Ok(None);
    };
    let (plugin, broker) = (session.client.plugin(), process.broker());
    let id = broker.next_id();
    let served = match broker.accept_and_serve(id, callbacks.services()).await {
        Ok(served) => served,
        Err(error) => {
            tracing::debug!(plugin, %error, "the plugin has no broker, so it makes no calls");
            return Ok(None);
        }
    };
    match session.client.configure_callback(id).await {
        Ok(true) => Ok(Some(served)),
        Ok(false) => {
            tracing::debug!(plugin, "the plugin makes no calls to its host");
            Ok(None)
        }
        // It knows of callbacks and cannot use them: what needs none still works.
        Err(error) if error.kind() == EngineErrorKind::Plugin(PluginFailure::Refused) => {
            tracing::warn!(plugin, %error, "the plugin cannot call its host; it has no triggers");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn stop(session: &Session) -> Option<ExitReport> {
    match &session.process {
        Some(process) => Some(process.stop().await),
        None => None,
    }
}

impl Entry {
    /// Takes a candidate into use and starts watching it.
    pub(super) fn new(
        name: outboard_contracts::PluginName,
        settings: Arc<Settings>,
        log: PluginLog,
        candidate: Candidate,
        callbacks: Arc<PluginCallbacks>,
        turn: Arc<Semaphore>,
    ) -> Arc<Entry> {
        let link = Link::new(
            name.as_str(),
            Arc::clone(&candidate.session),
            settings.observers.clone(),
        );
        callbacks.attach(&link);
        let adapter = adapter(&candidate, &link);
        let entry = Arc::new(Entry {
            name,
            settings,
            link,
            callbacks,
            log,
            state: Mutex::new(EntryState {
                adapter,
                state: PluginState::Ready,
                since: SystemTime::now(),
                restarts: 0,
                last_exit: None,
            }),
            turn,
            watcher: Mutex::default(),
        });
        entry.watch(candidate.session);
        entry
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, EntryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_state(&self, state: PluginState) {
        let mut entry = self.lock();
        entry.state = state;
        entry.since = SystemTime::now();
    }

    pub(super) fn adapter(&self) -> Arc<ExternalPluginAdapter> {
        Arc::clone(&self.lock().adapter)
    }

    pub(super) fn log(&self) -> &PluginLog {
        &self.log
    }

    pub(super) fn turn(&self) -> Arc<Semaphore> {
        Arc::clone(&self.turn)
    }

    pub(super) fn status(&self) -> PluginStatus {
        let session = match self.link.state() {
            LinkState::Up(session) => Some(session),
            _ => None,
        };
        let process = session
            .as_ref()
            .and_then(|session| session.process.as_ref());
        let entry = self.lock();
        PluginStatus {
            name: self.name.to_string(),
            state: entry.state.clone(),
            pid: process.map(|process| process.pid()),
            since: entry.since,
            up_for: session.as_ref().map(|session| session.up_for()),
            restarts: entry.restarts,
            last_exit: entry.last_exit.clone(),
            manifest: entry.adapter.engine_manifest(),
            calls: session.as_ref().map_or(0, |session| session.calls()),
            callbacks: session
                .as_ref()
                .is_some_and(|session| session.has_callbacks()),
            encrypted: process.map(|process| process.is_encrypted()),
        }
    }

    /// Replaces the process: starts a new one, makes there what is in use, and
    /// only then lets go of the old one. On any error the old one serves on.
    pub(super) async fn reload(
        self: &Arc<Self>,
    ) -> Result<Arc<ExternalPluginAdapter>, ManagerError> {
        let candidate = start(&self.settings, &self.name, &self.log, &self.callbacks).await?;
        if let Err(error) = bind_all(&self.link, &candidate.session).await {
            stop(&candidate.session).await;
            return Err(ManagerError::Call {
                plugin: self.name.to_string(),
                error,
            });
        }
        self.stop_watching();
        let old = match self.link.state() {
            LinkState::Up(session) => Some(session),
            _ => None,
        };
        let adapter = self.take_over(&candidate);
        self.watch(candidate.session);
        if let Some(old) = old {
            // Nobody waits for this but the caller: new calls go to the new one.
            old.drained(self.settings.drain_timeout).await;
            release_all(&self.link.objects(), &old).await;
            let report = stop(&old).await;
            self.lock().last_exit = report;
        }
        Ok(adapter)
    }

    fn take_over(&self, candidate: &Candidate) -> Arc<ExternalPluginAdapter> {
        let adapter = adapter(candidate, &self.link);
        {
            let mut entry = self.lock();
            entry.adapter = Arc::clone(&adapter);
            entry.state = PluginState::Ready;
            entry.since = SystemTime::now();
        }
        self.link.set(LinkState::Up(Arc::clone(&candidate.session)));
        adapter
    }

    /// Ends the plugin: no new calls, running ones finish, what it made is
    /// stopped and destroyed, then its process.
    pub(super) async fn unload(&self) -> Option<ExitReport> {
        self.stop_watching();
        self.set_state(PluginState::Stopping);
        let session = match self.link.state() {
            LinkState::Up(session) => Some(session),
            _ => None,
        };
        self.link
            .set(LinkState::Closed("it was unloaded".to_owned()));
        let session = session?;
        session.drained(self.settings.drain_timeout).await;
        release_all(&self.link.objects(), &session).await;
        stop(&session).await
    }

    fn stop_watching(&self) {
        let watcher = self
            .watcher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(watcher) = watcher {
            watcher.abort();
        }
    }

    /// Starts the task that acts when this session's process ends by itself.
    fn watch(self: &Arc<Self>, session: Arc<Session>) {
        let entry = Arc::downgrade(self);
        let policy = self.settings.restart_policy;
        let task = tokio::spawn(async move {
            let mut session = session;
            let mut restarts = RestartState::default();
            loop {
                let Some(process) = &session.process else {
                    return;
                };
                restarts.started(Instant::now());
                let exited = process.exited();
                drop(session);
                let report = exited.await;
                let Some(entry) = entry.upgrade() else { return };
                if report.requested {
                    return;
                }
                tracing::error!(plugin = entry.name.as_str(), "{report}");
                entry.link.set(LinkState::Restarting);
                entry.lock().last_exit = Some(report.clone());
                let mut reason = report.to_string();
                session = loop {
                    match restarts.crashed(&policy, Instant::now()) {
                        RestartDecision::GiveUp { attempts } => {
                            entry.give_up(attempts, &reason);
                            return;
                        }
                        RestartDecision::Restart { attempt, delay } => {
                            entry.set_state(PluginState::Restarting { attempt });
                            let kind = PluginEventKind::Restarting { attempt, delay };
                            entry.settings.events.send(entry.name.as_str(), kind);
                            tokio::time::sleep(delay).await;
                        }
                    }
                    match entry.restart().await {
                        Ok(session) => break session,
                        Err(error) => {
                            tracing::error!(plugin = entry.name.as_str(), "{error}");
                            reason = error.to_string();
                        }
                    }
                };
            }
        });
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        *watcher = Some(task.abort_handle());
    }

    async fn restart(self: &Arc<Self>) -> Result<Arc<Session>, ManagerError> {
        // Never while a reload is under way: one that succeeds ends this task.
        let _turn = self.turn.acquire().await;
        let candidate = start(&self.settings, &self.name, &self.log, &self.callbacks).await?;
        if let Err(error) = bind_all(&self.link, &candidate.session).await {
            stop(&candidate.session).await;
            return Err(ManagerError::Call {
                plugin: self.name.to_string(),
                error,
            });
        }
        self.take_over(&candidate);
        self.lock().restarts += 1;
        Ok(candidate.session)
    }

    fn give_up(&self, attempts: u32, last: &str) {
        let reason = match attempts {
            0 => format!("{last}; it is not restarted"),
            _ => format!("{last}; given up after {attempts} restarts in a row: reload it"),
        };
        self.set_state(PluginState::Failed {
            reason: reason.clone(),
        });
        self.link.set(LinkState::Closed(reason.clone()));
        let kind = PluginEventKind::Failed { reason };
        self.settings.events.send(self.name.as_str(), kind);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.stop_watching();
        // Whoever still holds a remote object must hear that it is over.
        if !matches!(self.link.state(), LinkState::Closed(_)) {
            self.link
                .set(LinkState::Closed("its manager is gone".to_owned()));
        }
    }
}

fn adapter(candidate: &Candidate, link: &Arc<Link>) -> Arc<ExternalPluginAdapter> {
    Arc::new(ExternalPluginAdapter::from_parts(
        candidate.on_disk.manifest.clone(),
        candidate.description.clone(),
        Arc::clone(link),
        candidate.session.has_callbacks(),
    ))
}

/// Makes in a new process what is in use, in the order in which it was made.
/// All or nothing: on an error, what was made there is ended again.
async fn bind_all(link: &Link, session: &Session) -> Result<(), EngineError> {
    let objects = link.objects();
    for (index, object) in objects.iter().enumerate() {
        if let Err(error) = object.bind(session).await {
            release_all(&objects[..index], session).await;
            return Err(error);
        }
    }
    Ok(())
}

/// Ends what is in use in one process, what was made last first.
async fn release_all(objects: &[Arc<dyn Remote>], session: &Session) {
    for object in objects.iter().rev() {
        if let Err(error) = object.release(session).await {
            tracing::warn!(%error, "a plugin could not let go of something");
        }
    }
}
