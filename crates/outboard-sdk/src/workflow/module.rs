//! One module's life, in the right order whatever the host calls.

use std::sync::Arc;

use tokio::{sync::Mutex, task::JoinSet};

use super::{ModuleInstance, guard::guarded};
use crate::Error;

/// Where in its life a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Created,
    Initialized,
    Started,
    Stopped,
    Destroyed,
}

/// A module, its name and where it is in its life.
///
/// The lock makes the calls of one module's life wait for each other, which is what
/// it is for; calls of its service and other modules never wait for it.
pub(super) struct Module {
    /// What it is called in errors.
    kind: &'static str,
    pub(super) name: String,
    pub(super) instance: Box<dyn ModuleInstance>,
    state: Mutex<State>,
}

impl Module {
    pub(super) fn new(name: String, instance: Box<dyn ModuleInstance>) -> Self {
        Self {
            kind: "module",
            name,
            instance,
            state: Mutex::new(State::Created),
        }
    }

    /// A trigger, which has nothing to initialize and may start at once.
    pub(super) fn trigger(name: String, instance: Box<dyn ModuleInstance>) -> Self {
        Self {
            kind: "trigger",
            name,
            instance,
            state: Mutex::new(State::Initialized),
        }
    }

    pub(super) async fn init(&self) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        match *state {
            State::Created => {
                self.guarded("init", async { self.instance.init().await })
                    .await?;
                *state = State::Initialized;
                Ok(())
            }
            State::Initialized | State::Started | State::Stopped => Ok(()),
            State::Destroyed => Err(self.destroyed()),
        }
    }

    pub(super) async fn start(&self) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        match *state {
            State::Created => Err(Error::new(format!(
                "module {:?} cannot start before it is initialized; call InitModule first",
                self.name
            ))),
            State::Initialized | State::Stopped => {
                self.guarded("start", async { self.instance.start().await })
                    .await?;
                *state = State::Started;
                Ok(())
            }
            State::Started => Ok(()),
            State::Destroyed => Err(self.destroyed()),
        }
    }

    pub(super) async fn stop(&self) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        match *state {
            State::Started => {
                self.guarded("stop", async { self.instance.stop().await })
                    .await?;
                *state = State::Stopped;
                Ok(())
            }
            State::Created | State::Initialized | State::Stopped => Ok(()),
            State::Destroyed => Err(self.destroyed()),
        }
    }

    /// Stops it if it runs. Afterwards it is destroyed even if that failed.
    pub(super) async fn destroy(&self) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        let was = std::mem::replace(&mut *state, State::Destroyed);
        if was != State::Started {
            return Ok(());
        }
        let stopped = self
            .guarded("stop", async { self.instance.stop().await })
            .await;
        stopped.map_err(|error| error.context("stop before destroy"))
    }

    async fn guarded(
        &self,
        what: &str,
        work: impl Future<Output = Result<(), Error>>,
    ) -> Result<(), Error> {
        guarded(|| format!("{what} of {} {:?}", self.kind, self.name), work).await
    }

    fn destroyed(&self) -> Error {
        Error::new(format!("{} {:?} is destroyed", self.kind, self.name))
    }
}

/// Runs a part of a module's life to its end, even if the caller goes away: a
/// start that is dropped half-way would leave nobody who knows what to stop.
pub(super) async fn to_the_end<F>(work: F) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::new(format!("the plugin gave up: {error}"))),
    }
}

/// Stops and lets go of everything at once, so that a slow one keeps no other waiting.
pub(super) async fn destroy_all(modules: Vec<Arc<Module>>) {
    let mut stopping = JoinSet::new();
    for module in modules {
        stopping.spawn(async move {
            if let Err(error) = module.destroy().await {
                tracing::warn!(module = module.name, %error, "a module did not stop");
            }
        });
    }
    while stopping.join_next().await.is_some() {}
}
