//! The calls that a plugin makes to its host: start a workflow, ask for a
//! service, write a log line.
//!
//! ```text
//! plugin's process ─▸ PluginCallbacks, one per plugin and older than its processes
//!                       │ own triggers and modules: known from the link
//!                       └ anything else: CallbackServer's functions decide
//! ```
//!
//! What is not allowed is refused. By default a plugin starts what its own triggers
//! lead to, sees its own modules, and writes log lines under its own name.

mod limit;
mod line;
mod of_engine;
mod service;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::Instant,
};

use outboard_contracts::{
    value::Map, workflow::proto::engine_callback_service_server::EngineCallbackServiceServer,
};
use outboard_go_plugin::transport::Services;
use tokio::sync::Semaphore;

use self::limit::{RateLimit, Taken};
use super::link::{Link, LinkState};
use crate::engine::TriggerSink;

/// How many workflows one plugin may be starting at once. It is about starting only:
/// runs that have begun are bounded by the engine.
pub const MAX_CALLS: usize = 64;

/// A plugin's wish to start a workflow that none of its own triggers leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggerCall {
    /// The plugin that asks; empty where the server was not made for one.
    pub plugin: String,
    /// The trigger's type or name, as the plugin says.
    pub trigger_type: String,
    /// What happened, in the trigger's words.
    pub action: String,
    /// What to start the workflow with.
    pub data: Map,
}

/// Called when a plugin fires a trigger that is not its own. An error's text goes to
/// the plugin.
pub type TriggerFunc = Arc<
    dyn Fn(TriggerCall) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync,
>;

/// A plugin's question for a service that is not one of its own modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceQuery<'a> {
    /// The plugin that asks; empty where the server was not made for one.
    pub plugin: &'a str,
    /// The service's name.
    pub service: &'a str,
}

/// Tells whether the host has a service that the plugin may know of.
pub type ServiceLookupFunc = Arc<dyn Fn(ServiceQuery<'_>) -> bool + Send + Sync>;

/// The host's implementation of `EngineCallbackService`, as far as it is not about a
/// plugin's own triggers and modules.
///
/// ```
/// use std::sync::Arc;
/// use outboard_workflow::external::{CallbackServer, TriggerFunc};
///
/// let on_trigger: TriggerFunc = Arc::new(|call| Box::pin(async move {
///     println!("{} fired {}", call.plugin, call.action);
///     Ok(())
/// }));
/// let server = CallbackServer::new(Some(on_trigger), Some(Arc::new(|query| query.service == "mail")));
/// # let _ = server;
/// ```
#[derive(Clone, Default)]
pub struct CallbackServer {
    on_trigger: Option<TriggerFunc>,
    lookup: Option<ServiceLookupFunc>,
}

impl CallbackServer {
    /// A server that hands triggers to `on_trigger` and questions to `lookup`.
    /// Without the first, nothing can be triggered but by a plugin's own triggers;
    /// without the second, no service exists but its own modules.
    pub fn new(
        on_trigger: Option<TriggerFunc>,
        lookup: Option<ServiceLookupFunc>,
    ) -> CallbackServer {
        CallbackServer { on_trigger, lookup }
    }
}

impl fmt::Debug for CallbackServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackServer")
            .field("on_trigger", &self.on_trigger.is_some())
            .field("lookup", &self.lookup.is_some())
            .finish()
    }
}

/// What one plugin may call, whichever of its processes is running.
pub(crate) struct PluginCallbacks {
    plugin: String,
    server: CallbackServer,
    /// Where its triggers and modules are. Not set before it has any.
    link: OnceLock<Weak<Link>>,
    places: Semaphore,
    lines: Mutex<RateLimit>,
}

/// What a plugin means by the name of a trigger.
enum Own {
    Listening(Arc<dyn TriggerSink>),
    NotStarted,
    Several(Vec<String>),
    Gone(String),
    None,
}

impl PluginCallbacks {
    pub(crate) fn new(plugin: &str, server: CallbackServer) -> Arc<PluginCallbacks> {
        Arc::new(PluginCallbacks {
            plugin: plugin.to_owned(),
            server,
            link: OnceLock::new(),
            places: Semaphore::new(MAX_CALLS),
            lines: Mutex::new(RateLimit::new(Instant::now())),
        })
    }

    /// From now on the objects of this link are the plugin's own.
    pub(crate) fn attach(&self, link: &Arc<Link>) {
        // A plugin has one link for as long as it is loaded.
        let _ = self.link.set(Arc::downgrade(link));
    }

    /// What to serve to the plugin's process.
    pub(crate) fn services(self: &Arc<Self>) -> Services {
        let service = service::Service(Arc::clone(self));
        Services::new().add_service(EngineCallbackServiceServer::new(service))
    }

    fn link(&self) -> Option<Arc<Link>> {
        self.link.get()?.upgrade()
    }

    /// The plugin's trigger of this name, or its only one of this type: peers name
    /// either.
    fn own_trigger(&self, name: &str) -> Own {
        let Some(link) = self.link() else {
            return Own::None;
        };
        if let LinkState::Closed(reason) = link.state() {
            return Own::Gone(reason);
        }
        let objects = link.objects();
        let triggers = objects.iter().filter_map(|object| object.trigger());
        let mut of_type = Vec::new();
        for trigger in triggers {
            if trigger.trigger_name() == name {
                return trigger.sink().map_or(Own::NotStarted, Own::Listening);
            }
            if trigger.trigger_type() == name {
                of_type.push(trigger);
            }
        }
        match of_type.as_slice() {
            [] => Own::None,
            [only] => only.sink().map_or(Own::NotStarted, Own::Listening),
            several => Own::Several(
                several
                    .iter()
                    .map(|trigger| trigger.trigger_name().to_owned())
                    .collect(),
            ),
        }
    }

    fn has_service(&self, service: &str) -> bool {
        let own = |link: Arc<Link>| {
            let objects = link.objects();
            objects
                .iter()
                .any(|object| object.service() == Some(service))
        };
        let plugin = self.plugin.as_str();
        self.link().is_some_and(own)
            || self
                .server
                .lookup
                .as_ref()
                .is_some_and(|lookup| lookup(ServiceQuery { plugin, service }))
    }

    fn line(&self, now: Instant) -> Taken {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.take(now)
    }
}

/// Why a plugin may not trigger something. It does not tell whether there is such a
/// pipeline.
fn may_not_trigger(plugin: &str, trigger: &str) -> String {
    format!(
        "plugin {plugin:?} may not trigger {trigger:?}: it has no started trigger of that name, \
         and the host does not allow it more"
    )
}

impl fmt::Debug for PluginCallbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginCallbacks")
            .field("plugin", &self.plugin)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
