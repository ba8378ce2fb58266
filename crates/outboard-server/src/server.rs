//! The server: routes, and what every request goes through before it reaches one.

use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::to_bytes,
    extract::{DefaultBodyLimit, FromRef, Request, State},
    middleware,
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode, header};
use hyper_util::server::graceful::GracefulShutdown;
use jiff::Timestamp;
use outboard_connector::host::ConnectorHost;
use outboard_workflow::{
    engine::{Engine, PluginManager, PluginStateStore},
    external::ExternalPluginManager,
};
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    about::About,
    connection::{self, Accepted},
    connectors,
    events::Events,
    frames::{self, Frames},
    http::{Idempotency, Limits, Problem, deadline, harden, identify, refuse_while_stopping},
    metrics::{self, Requests},
    native::{self, NativePlugins, PluginStates},
    openapi, overview,
    plugins::{self, PluginControl, PluginHandler},
    processes::{self, Updates},
    readiness::{Readiness, readyz},
    security::{self, Access},
    stats::{self, Stats},
    tls::ServerTls,
    ui,
    ui_plugins::{self, UiPluginHandler, UiPluginManager},
    workflow,
};

/// Largest body of a request, in bytes.
const MAX_BODY: usize = 8 * 1024 * 1024;
/// How many requests are worked on at once, unless somebody says otherwise. There may
/// be twice as many connections.
const MAX_REQUESTS: usize = 256;
/// How long the audit log may take to be written at the end.
const LOG_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request may take until it begins to answer. A plugin's start may
/// take a minute, and a pipeline as long as its own timeout.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);

/// What the routes work on.
#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) plugins: PluginControl,
    pub(crate) ui_plugins: UiPluginManager,
    pub(crate) engine: Engine,
    pub(crate) events: Events,
    pub(crate) readiness: Readiness,
    /// Absent where the server has none.
    pub(crate) connectors: Option<ConnectorHost>,
    pub(crate) native: NativePlugins,
    pub(crate) frames: Frames,
    pub(crate) started_at: Timestamp,
    pub(crate) stats: Stats,
    pub(crate) requests: Requests,
    pub(crate) updates: Updates,
    pub(crate) access: Access,
    /// What pages showed a part of.
    pub(crate) results: ui::Results,
    /// What it was told about itself.
    pub(crate) about: Arc<About>,
}

impl FromRef<AppState> for PluginControl {
    fn from_ref(state: &AppState) -> PluginControl {
        state.plugins.clone()
    }
}

impl FromRef<AppState> for UiPluginManager {
    fn from_ref(state: &AppState) -> UiPluginManager {
        state.ui_plugins.clone()
    }
}

impl FromRef<AppState> for Engine {
    fn from_ref(state: &AppState) -> Engine {
        state.engine.clone()
    }
}

/// A server that is about to be made.
#[derive(Debug)]
#[must_use]
pub struct ServerBuilder {
    manager: ExternalPluginManager,
    engine: Engine,
    access: Access,
    connectors: Option<ConnectorHost>,
    native: PluginManager,
    states: Option<Arc<PluginStates>>,
    tls: Option<ServerTls>,
    max_requests: usize,
    expects_workflow: bool,
    about: About,
}

/// The HTTP API over a manager of plugins and an engine.
#[derive(Debug)]
pub struct Server {
    router: Router,
    control: PluginControl,
    ui_plugins: UiPluginManager,
    events: Events,
    manager: ExternalPluginManager,
    engine: Engine,
    connectors: Option<ConnectorHost>,
    native: NativePlugins,
    access: Access,
    tls: Option<ServerTls>,
    stopping: watch::Sender<bool>,
    max_connections: usize,
}

impl ServerBuilder {
    /// How many requests are worked on at once: 256 unless set, and at least 1. One more
    /// is answered with 503 `overloaded`. There may be twice as many connections.
    pub fn max_requests(mut self, requests: usize) -> Self {
        self.max_requests = requests.clamp(1, Semaphore::MAX_PERMITS / 2);
        self
    }

    /// The connectors of a host. Without one, the routes of connectors answer 404.
    ///
    /// The host is run and shut down by whoever made it.
    pub fn connectors(mut self, host: ConnectorHost) -> Self {
        self.connectors = Some(host);
        self
    }

    /// Keeps in a database which plugins of this process are enabled. Without one, all
    /// UI plugins are enabled at every start.
    ///
    /// Takes the place of what [`native_plugins`](Self::native_plugins) was given.
    pub fn plugin_states(mut self, states: Arc<PluginStates>) -> Self {
        let store: Arc<dyn PluginStateStore> = states.clone();
        self.native = PluginManager::builder().store(store).build();
        self.states = Some(states);
        self
    }

    /// The plugins of a host that embeds the server, registered with a manager of its
    /// own; UI plugins are registered there, too. What its store says was enabled is
    /// enabled again when the server serves. If that store is a [`PluginStates`], say so
    /// with [`plugin_states`](Self::plugin_states) first: answers then wait for the disk.
    pub fn native_plugins(mut self, manager: PluginManager) -> Self {
        self.native = manager;
        self
    }

    /// Speaks TLS: [`Server::serve`] takes nothing else then.
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// What the pages say about the server and its machine.
    pub fn about(mut self, about: About) -> Self {
        self.about = about;
        self
    }

    /// Whether the engine is to run a workflow before `/readyz` says that the server is
    /// ready: not unless set.
    pub fn expects_workflow(mut self, expects: bool) -> Self {
        self.expects_workflow = expects;
        self
    }

    /// The server; it listens nowhere yet.
    pub fn build(self) -> Server {
        let ServerBuilder {
            manager,
            engine,
            access,
            connectors,
            native,
            states,
            tls,
            max_requests,
            expects_workflow,
            about,
        } = self;
        if tls.is_some() {
            access.speaks_tls();
        }
        let (stopping, stopped) = watch::channel(false);
        let events = Events::new(stopped.clone());
        let control = PluginControl::new(manager.clone(), engine.clone());
        let native = NativePlugins::new(native, states, events.ring().clone());
        let ui_plugins = UiPluginManager::with_programs(control.clone());
        // Before it is told: who hears of it finds it enabled.
        native.follow(&ui_plugins);
        ui_plugins.observe(Arc::new(events.clone()));
        let state = AppState {
            plugins: control.clone(),
            ui_plugins: ui_plugins.clone(),
            engine: engine.clone(),
            events: events.clone(),
            readiness: Readiness {
                expects_workflow,
                stopping: stopped,
            },
            connectors: connectors.clone(),
            native: native.clone(),
            frames: Frames::new(ui_plugins.clone(), native.clone()),
            started_at: Timestamp::now(),
            stats: Stats::default(),
            requests: Requests::default(),
            updates: Updates::default(),
            access: access.clone(),
            results: ui::Results::default(),
            about: Arc::new(about),
        };
        state.stats.observe(&manager, &engine, connectors.as_ref());
        let router = routes(state, connectors.clone(), max_requests);
        Server {
            router,
            control,
            ui_plugins,
            events,
            manager,
            engine,
            connectors,
            native,
            access,
            tls,
            stopping,
            max_connections: max_requests * 2,
        }
    }
}

impl Server {
    /// A server of these plugins and this engine, for those whom `access` lets in.
    pub fn builder(
        manager: ExternalPluginManager,
        engine: Engine,
        access: Access,
    ) -> ServerBuilder {
        ServerBuilder {
            manager,
            engine,
            access,
            connectors: None,
            native: PluginManager::default(),
            states: None,
            tls: None,
            max_requests: MAX_REQUESTS,
            expects_workflow: false,
            about: About::default(),
        }
    }

    /// What loads and unloads plugins here: the manager and the engine in step.
    pub fn plugins(&self) -> &PluginControl {
        &self.control
    }

    /// What loads and unloads the pages that plugins bring. Nothing is loaded yet.
    pub fn ui_plugins(&self) -> &UiPluginManager {
        &self.ui_plugins
    }

    /// The plugins of this process: the UI plugins, and those of a host.
    pub fn native(&self) -> &NativePlugins {
        &self.native
    }

    /// The routes with all checks, for tests and for a server of your own.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Serves until `stop` is ready. Then streams end, and requests that are being worked
    /// on are answered, for at most `drain`; new ones are refused with 503 `stopping`,
    /// but for `/healthz` and `/readyz`.
    ///
    /// # Errors
    ///
    /// The listener fails for good.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
        drain: Duration,
    ) -> io::Result<()> {
        let mut recording = vec![
            tokio::spawn(self.events.clone().record(self.manager.events())).abort_handle(),
            tokio::spawn(workflow::record_runs(
                self.events.clone(),
                self.engine.run_events(),
            ))
            .abort_handle(),
        ];
        if let Some(host) = &self.connectors {
            let changes = connectors::record_changes(self.events.clone(), host.changes());
            recording.push(tokio::spawn(changes).abort_handle());
        }
        let native = self.native.clone();
        recording.push(tokio::spawn(async move { native.restore().await }).abort_handle());
        let (end_log, log_ends) = oneshot::channel::<()>();
        let mut log = tokio::spawn(self.access.clone().record(async move {
            // An error means that nobody can say so any more: then it is over, too.
            let _ = log_ends.await;
        }));
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(self.max_connections));
        let tls = self.tls.as_ref().map(ServerTls::acceptor);
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut stop => break,
                accepted = accept(&listener, &places) => accepted,
            };
            let Some((accepted, place)) = accepted else {
                continue;
            };
            let (watcher, router, tls) = (graceful.watcher(), self.router.clone(), tls.clone());
            tokio::spawn(async move {
                let from = accepted.from;
                match accepted.transport(tls).await {
                    Ok(transport) => {
                        let connection = connection::serve(transport, from, router, true);
                        if let Err(error) = watcher.watch(connection).await {
                            tracing::debug!(%error, "a connection broke");
                        }
                    }
                    Err(error) => tracing::debug!(%error, %from, "no TLS was agreed on"),
                }
                drop(place);
            });
        }
        self.stopping.send_replace(true);
        tokio::select! {
            drained = tokio::time::timeout(drain, graceful.shutdown()) => if drained.is_err() {
                tracing::warn!(
                    ?drain,
                    "requests were still being worked on and are cut off"
                );
            },
            never = refuse(&listener, &places, &self.router, tls.as_ref()) => match never {},
        }
        for task in recording {
            task.abort();
        }
        if tokio::time::timeout(drain, self.native.end())
            .await
            .is_err()
        {
            tracing::warn!(
                ?drain,
                "plugins were still being disabled and are left as they are"
            );
        }
        // What was done last is written, too.
        drop(end_log);
        if tokio::time::timeout(LOG_TIMEOUT, &mut log).await.is_err() {
            log.abort();
            tracing::error!("the end of the audit log could not be written in time");
        }
        Ok(())
    }
}

/// The next connection and its place among those that there may be. `None` if it
/// cannot be taken; another may.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(Accepted, OwnedSemaphorePermit)> {
    let accepted = async {
        let place = Arc::clone(places)
            .acquire_owned()
            .await
            .map_err(|error| io::Error::other(error.to_string()))?;
        let (stream, from) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok::<_, io::Error>((Accepted { stream, from }, place))
    };
    match accepted.await {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            // Out of descriptors, most likely: others may be freed.
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// Answers new connections while the old ones come to their end, so that whoever asks
/// hears that the server stops. Nobody waits for these.
async fn refuse(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    router: &Router,
    tls: Option<&TlsAcceptor>,
) -> Infallible {
    // They end with it.
    let mut refused = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(listener, places) => accepted,
            Some(_) = refused.join_next() => continue,
        };
        if let Some((accepted, place)) = accepted {
            let (router, tls) = (router.clone(), tls.cloned());
            refused.spawn(async move {
                let from = accepted.from;
                if let Ok(transport) = accepted.transport(tls).await {
                    // Its end, good or bad, is nobody's business any more.
                    let _ = connection::serve(transport, from, router, false).await;
                }
                drop(place);
            });
        }
    }
}

fn routes(state: AppState, connectors: Option<ConnectorHost>, max_requests: usize) -> Router {
    let stopping = state.readiness.stopping.clone();
    let access = state.access.clone();
    let frames = state.frames.clone();
    let requests = state.requests.clone();
    let prefix = plugins::PREFIX;
    let (connectors, of_the_original) = connectors::routes(connectors, max_requests);
    let ours = Router::new()
        .route(
            "/healthz",
            get(|| async { Json(json!({ "status": "ok" })) }),
        )
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/openapi.json", get(openapi::answer))
        .route("/api/v1/events", get(all_events))
        .route("/api/v1/plugins", get(processes::list))
        .route("/api/v1/problems", get(overview::list))
        .route("/api/v1/stats", get(stats::stats))
        .route(&format!("{prefix}/{{name}}"), get(plugins::details))
        .route(&format!("{prefix}/{{name}}/logs"), get(plugins::logs))
        .route(
            &format!("{}/{{name}}", ui_plugins::PREFIX),
            get(ui_plugins::details),
        )
        .merge(workflow::routes())
        .merge(connectors)
        .merge(security::routes())
        .merge(ui::routes())
        .merge(native::routes(state.native.clone()))
        .fallback(fallback)
        .method_not_allowed_fallback(wrong_method)
        .with_state(state.clone())
        .layer(middleware::map_response(as_problem));
    let api = PluginHandler::new(state.plugins)
        .routes()
        .merge(UiPluginHandler::new(state.ui_plugins).routes())
        .merge(of_the_original)
        .merge(ours)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(ANSWER_TIMEOUT, deadline))
        .layer(middleware::from_fn_with_state(
            Idempotency::new(max_requests),
            Idempotency::once,
        ))
        .layer(middleware::from_fn_with_state(
            Limits::new(max_requests),
            Limits::admit,
        ))
        .layer(middleware::from_fn_with_state(
            stopping,
            refuse_while_stopping,
        ));
    frames::routes(frames, api.clone())
        .merge(api)
        .layer(middleware::from_fn_with_state(access, Access::guard))
        .layer(middleware::from_fn(ui::as_pages))
        .layer(middleware::from_fn(harden))
        .layer(middleware::from_fn_with_state(requests, Requests::count))
        .layer(middleware::from_fn(identify))
}

async fn wrong_method(request: Request) -> Problem {
    let detail = format!("{} takes no {}", request.uri().path(), request.method());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        .with_hint("the header Allow lists what it takes")
}

/// What axum itself refuses, such as a query that cannot be read or a body that is too
/// large, in the form of all other failures.
async fn as_problem(response: Response) -> Response {
    let status = response.status();
    let kind = match status {
        StatusCode::BAD_REQUEST => "bad_request",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
        _ => return response,
    };
    let content = response.headers().get(header::CONTENT_TYPE);
    if content.is_none_or(|content| !content.as_bytes().starts_with(b"text/plain")) {
        return response;
    }
    let detail = to_bytes(response.into_body(), 4096)
        .await
        .unwrap_or_default();
    Problem::new(status, kind, String::from_utf8_lossy(&detail)).into_response()
}

async fn all_events(State(state): State<AppState>, headers: HeaderMap) -> Response {
    state.events.answer(&headers)
}

/// What no route takes: an HTTP trigger of the workflow, or nothing.
async fn fallback(State(state): State<AppState>, request: Request) -> Response {
    if let Some(response) = workflow::trigger(&state.engine, request.method(), request.uri()) {
        return response.answer(state, request).await;
    }
    if plugins::is_under_seed_routes(request.uri().path()) {
        return plugins::not_found(request.method().clone(), request.uri().clone()).await;
    }
    Problem::not_found(format!("there is no {}", request.uri().path()))
        .with_hint("the page /ui/api and GET /openapi.json list what there is")
        .into_response()
}
