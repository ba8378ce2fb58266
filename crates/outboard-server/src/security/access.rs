//! What lets requests in: host, target, who it is, how often, what it may, whether it is
//! one of our pages. Then the request is let through, and written down if it changes
//! something.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    body::Body,
    extract::{ConnectInfo, MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    AccessError, HostPolicy, NewToken, Principal, Role, Token, Tokens, Via,
    audit::{Audit, AuditNote, Line},
    csrf::{self, CsrfToken},
    host::Refusal,
    limits::{Failures, Peer, Rates, TooOften},
    links::Links,
    refusal,
    rules::{self, Needs},
    sessions::{Session, Sessions},
    token, url,
};
use crate::{
    database::Database,
    http::{Problem, RequestId},
};

/// How many requests a caller may make in a second, unless somebody says otherwise.
const REQUESTS_PER_SECOND: u32 = 500;

/// Who may call the server. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Access(Arc<Inner>);

struct Inner {
    hosts: HostPolicy,
    /// The token of `server.json`; without one everybody is let in, for development.
    local: Option<Token>,
    tokens: Tokens,
    sessions: Sessions,
    links: Mutex<Links>,
    failures: Mutex<Failures>,
    rates: Mutex<Rates>,
    audit: Audit,
    clock: Clock,
    /// Whether the server speaks TLS itself.
    secure: AtomicBool,
}

impl fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Access")
            .field("hosts", &self.hosts)
            .field("asks", &self.local.is_some())
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

/// What lets requests in, before it is made.
#[must_use]
pub struct AccessBuilder {
    hosts: HostPolicy,
    local: Option<Token>,
    database: Option<Arc<Database>>,
    requests_per_second: u32,
    clock: Clock,
}

impl fmt::Debug for AccessBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AccessBuilder")
            .field("hosts", &self.hosts)
            .field("requests_per_second", &self.requests_per_second)
            .finish_non_exhaustive()
    }
}

impl AccessBuilder {
    /// Where tokens, sessions and the audit log are kept. Without it there is no audit
    /// log, and tokens and sessions are forgotten at the end.
    pub fn database(mut self, database: Arc<Database>) -> Self {
        self.database = Some(database);
        self
    }

    /// How many requests a caller may make in a second: 500 unless set, and at least 1;
    /// twice that at once. The local token and a server without tokens have no limit.
    pub fn requests_per_second(mut self, requests: u32) -> Self {
        self.requests_per_second = requests.max(1);
        self
    }

    /// Another clock than the machine's, for tests.
    pub fn clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Clock(Arc::new(now));
        self
    }

    /// Reads what is kept. Blocks.
    ///
    /// # Errors
    ///
    /// The tables cannot be read.
    pub fn build(self) -> Result<Access, AccessError> {
        let now = (self.clock.0)();
        let (tokens, sessions) = match &self.database {
            Some(database) => (
                Tokens::open(Arc::clone(database))?,
                Sessions::open(Some(Arc::clone(database)), now)?,
            ),
            None => (Tokens::in_memory(), Sessions::in_memory()),
        };
        Ok(self.with(tokens, sessions))
    }

    fn with(self, tokens: Tokens, sessions: Sessions) -> Access {
        Access(Arc::new(Inner {
            hosts: self.hosts,
            local: self.local,
            tokens,
            sessions,
            links: Mutex::default(),
            failures: Mutex::default(),
            rates: Mutex::new(Rates::new(self.requests_per_second)),
            audit: Audit::new(self.database),
            clock: self.clock,
            secure: AtomicBool::new(false),
        }))
    }
}

/// Somebody who was let in, and until when.
pub(super) struct Caller {
    pub(super) principal: Principal,
    session: Option<Arc<Session>>,
    /// Closes when it may not go on.
    gone: Vec<watch::Receiver<()>>,
    expires_at: Option<Timestamp>,
}

impl Caller {
    fn simple(principal: Principal) -> Caller {
        Caller {
            principal,
            session: None,
            gone: Vec::new(),
            expires_at: None,
        }
    }

    /// Says in an answer who asked, for the page of a problem, which is made further out.
    fn sign(&self, response: &mut Response) {
        let extensions = response.extensions_mut();
        extensions.insert(self.principal.clone());
        if let Some(session) = &self.session {
            extensions.insert(CsrfToken(session.csrf.clone()));
        }
    }
}

/// The session that a request comes from; an extension of its requests.
#[derive(Clone)]
pub(super) struct OfSession(pub(super) Arc<Session>);

impl Access {
    /// Callers of these hosts that know the token; `None` lets every local process
    /// in, and is for development. Nothing is kept.
    pub fn new(hosts: HostPolicy, token: Option<Token>) -> Access {
        Access::builder(hosts, token).with(Tokens::in_memory(), Sessions::in_memory())
    }

    /// The same, with more to set.
    pub fn builder(hosts: HostPolicy, token: Option<Token>) -> AccessBuilder {
        AccessBuilder {
            hosts,
            local: token,
            database: None,
            requests_per_second: REQUESTS_PER_SECOND,
            clock: Clock(Arc::new(Timestamp::now)),
        }
    }

    /// The tokens that can be used.
    pub fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    /// The first admin's token of a data directory that never had any; `None` if it had,
    /// and where nobody is asked for one. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Tokens::create`].
    pub fn create_first_admin(&self) -> Result<Option<NewToken>, AccessError> {
        if self.is_open() {
            return Ok(None);
        }
        let made = self.0.tokens.create_first(self.now())?;
        if let Some(new) = &made {
            let who = Principal::local();
            let mut line = Line::of(&who, "token.create", &new.info.name, self.now());
            line.detail = format!(
                "{}, role {}, at the first start",
                new.info.id, new.info.role
            );
            self.0.audit.say(line);
        }
        Ok(made)
    }

    /// Whether everybody is let in.
    pub(crate) fn is_open(&self) -> bool {
        self.0.local.is_none()
    }

    pub(super) fn is_local(&self, presented: &str) -> bool {
        let local = self.0.local.as_ref();
        local.is_some_and(|local| local.is(presented))
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// How many lines of the audit log are missing since the server began.
    pub(crate) fn audit_lost(&self) -> u64 {
        self.0.audit.missing()
    }

    pub(super) fn audit(&self) -> &Audit {
        &self.0.audit
    }

    pub(super) fn links(&self) -> MutexGuard<'_, Links> {
        self.0.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.0.clock.0)()
    }

    /// Whether the server speaks TLS, so that cookies are for it alone.
    pub(super) fn is_secure(&self) -> bool {
        self.0.secure.load(Ordering::Relaxed)
    }

    pub(crate) fn speaks_tls(&self) {
        self.0.secure.store(true, Ordering::Relaxed);
    }

    /// Writes the audit log until `stop` is ready and nothing waits to be written.
    pub(crate) async fn record(self, stop: impl Future<Output = ()>) {
        self.0.audit.clone().write(stop).await;
    }

    /// Somebody by the id that a session or a link has.
    pub(super) fn principal(&self, id: &str, via: Via) -> Option<Principal> {
        match id {
            "local" => Some(Principal {
                via,
                ..Principal::local()
            }),
            id => Some(self.0.tokens.by_id(id, self.now())?.principal(via)),
        }
    }

    /// Counts a failure to show who one is. When there were too many it is another one.
    pub(super) fn failed(&self, address: IpAddr, problem: Problem) -> (Problem, Option<TooOften>) {
        let mut failures = self
            .0
            .failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Err(too_often) = failures.count(Peer::new(address), self.now()) else {
            return (problem, None);
        };
        let problem = Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_attempts",
            "there were too many attempts with wrong secrets from this address",
        );
        let hint = format!(
            "try again in {} s, with a token that is accepted",
            too_often.retry_after
        );
        (problem.with_hint(hint), Some(too_often))
    }

    /// Turns away whoever may not call, before a route sees the request, and writes down
    /// what changes something.
    pub(crate) async fn guard(
        State(access): State<Access>,
        request: Request,
        next: Next,
    ) -> Response {
        let about = About::of(&request);
        let mut caller = Caller::simple(Principal::anonymous());
        match access.let_in(request, &about, &mut caller).await {
            Ok(request) => {
                let mut pending = Pending {
                    access: &access,
                    line: Some(about.line(&caller.principal, access.now())),
                    changes: about.changes,
                };
                let mut response = next.run(request).await;
                pending.end(&mut response);
                drop(pending);
                caller.sign(&mut response);
                access.bound(response, caller)
            }
            Err(refused) => {
                let Refused {
                    problem,
                    retry_after,
                    quiet,
                } = *refused;
                tracing::warn!(kind = %problem.kind, "a request was turned away");
                let refused = [StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
                if about.changes && refused.contains(&problem.status) && !quiet {
                    let mut line = about.line(&caller.principal, access.now());
                    line.status = problem.status.as_u16();
                    line.detail = problem.detail.clone();
                    access.0.audit.say(line);
                }
                let mut response = refusal::answer(&problem, &about.asked);
                caller.sign(&mut response);
                if let Some(seconds) = retry_after {
                    response
                        .headers_mut()
                        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                }
                response
            }
        }
    }

    /// All checks, in their order. `caller` is who it turned out to be.
    async fn let_in(
        &self,
        mut request: Request,
        about: &About,
        caller: &mut Caller,
    ) -> Result<Request, Box<Refused>> {
        self.check_host(&request)?;
        url::check(request.uri())?;
        let needs = rules::needed(request.method(), request.uri().path());
        match self.authenticate(
            request.headers(),
            about.address.ip(),
            needs == Needs::Nothing,
        ) {
            Ok(known) => *caller = known,
            Err(_) if needs == Needs::Nothing => {}
            Err(refused) => return Err(refused),
        }
        self.check_rate(&caller.principal, about)?;
        check_rights(&caller.principal, &needs)?;
        if let Some(session) = &caller.session {
            if about.changes && needs != Needs::Nothing {
                request = csrf::check(request, &session.csrf).await?;
            }
            let extensions = request.extensions_mut();
            extensions.insert(CsrfToken(session.csrf.clone()));
            extensions.insert(OfSession(Arc::clone(session)));
        }
        request.extensions_mut().insert(caller.principal.clone());
        Ok(request)
    }

    fn check_host(&self, request: &Request) -> Result<(), Problem> {
        let checked = self
            .0
            .hosts
            .check(request.method(), request.uri(), request.headers());
        checked.map_err(|refusal| match refusal {
            Refusal::NoHost => Problem::bad_request("the request has no usable Host header"),
            Refusal::Host(host) => Problem::new(
                StatusCode::FORBIDDEN,
                "host_not_allowed",
                format!("the server does not answer to the host {host:?}"),
            )
            .with_hint(
                "call it by localhost or its address, or add the name to `hosts` in outboard.toml",
            ),
            Refusal::Origin(origin) => Problem::new(
                StatusCode::FORBIDDEN,
                "origin_not_allowed",
                format!("requests from pages of another site are not answered ({origin:?})"),
            ),
        })
    }

    /// Who makes a request. A wrong secret counts as a failure, unless the route is open.
    fn authenticate(
        &self,
        headers: &HeaderMap,
        address: IpAddr,
        open: bool,
    ) -> Result<Caller, Box<Refused>> {
        let Some(local) = &self.0.local else {
            return Ok(Caller::simple(Principal::development()));
        };
        let now = self.now();
        if let Some(presented) = token::presented(headers) {
            if local.is(presented) {
                return Ok(Caller::simple(Principal::local()));
            }
            return match self.0.tokens.by_secret(presented, now) {
                Some(held) => {
                    if held.used(now) {
                        self.0.audit.used(held.id(), now);
                    }
                    Ok(Caller {
                        principal: held.principal(Via::Token),
                        session: None,
                        gone: vec![held.gone()],
                        expires_at: held.expires_at(),
                    })
                }
                None => {
                    let problem = unauthorized("the token is none of this server's, or no longer");
                    Err(match open {
                        true => problem.into(),
                        false => self.refused_attempt(address, problem),
                    })
                }
            };
        }
        // Whoever sends both means the one that is not sent by itself.
        if headers.contains_key(header::AUTHORIZATION) {
            return Err(unauthorized("the header Authorization has no bearer token").into());
        }
        match self.of_session(headers, now) {
            Some(caller) => Ok(caller),
            None => Err(unauthorized("the request has no token").into()),
        }
    }

    fn of_session(&self, headers: &HeaderMap, now: Timestamp) -> Option<Caller> {
        let session = self.0.sessions.find(headers, now)?;
        let principal = self.principal(&session.principal, Via::Session)?;
        let mut gone = vec![session.gone()];
        let mut expires_at = session.expires_at;
        if let Some(held) = self.0.tokens.by_id(&session.principal, now) {
            if held.used(now) {
                self.0.audit.used(held.id(), now);
            }
            gone.push(held.gone());
            expires_at = held
                .expires_at()
                .map_or(expires_at, |at| at.min(expires_at));
        }
        Some(Caller {
            principal,
            session: Some(session),
            gone,
            expires_at: Some(expires_at),
        })
    }

    fn refused_attempt(&self, address: IpAddr, problem: Problem) -> Box<Refused> {
        let (problem, too_often) = self.failed(address, problem);
        Box::new(Refused {
            problem,
            retry_after: too_often.map(|too_often| too_often.retry_after),
            quiet: too_often.is_some_and(|too_often| !too_often.first),
        })
    }

    fn check_rate(&self, principal: &Principal, about: &About) -> Result<(), Box<Refused>> {
        let key = match principal.via {
            Via::Local | Via::Development => return Ok(()),
            // Whether the server lives can always be asked.
            Via::Anonymous if about.asked.uri.path() == "/healthz" => return Ok(()),
            Via::Anonymous => about.address.ip().to_string(),
            Via::Token | Via::Session => principal.id.clone(),
        };
        let mut rates = self.0.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = rates.take(&key, self.now());
        drop(rates);
        taken.map_err(|too_often| {
            let detail = format!("{:?} makes too many requests", principal.name);
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail)
                .with_hint("try again later, or raise the setting requests_per_second");
            Box::new(Refused {
                problem,
                retry_after: Some(too_often.retry_after),
                quiet: !too_often.first,
            })
        })
    }

    /// A stream ends when the one who reads it may not read any more. All other answers
    /// are short, and are given to their end.
    fn bound(&self, response: Response, caller: Caller) -> Response {
        let kind = response.headers().get(header::CONTENT_TYPE);
        let streams = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        if !streams || (caller.gone.is_empty() && caller.expires_at.is_none()) {
            return response;
        }
        let left = caller
            .expires_at
            .and_then(|expires| expires.duration_since(self.now()).try_into().ok());
        let expired = async move {
            match left {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        };
        let revoked = caller
            .gone
            .into_iter()
            .map(|mut gone| Box::pin(async move { while gone.changed().await.is_ok() {} }));
        let revoked = futures_util::future::select_all(revoked.collect::<Vec<_>>());
        let end = async move {
            tokio::select! {
                () = expired => {}
                _ = revoked => {}
            }
        };
        response.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(end))))
    }
}

fn check_rights(principal: &Principal, needs: &Needs) -> Result<(), Problem> {
    let (allowed, asks) = match needs {
        Needs::Nothing | Needs::SomebodyKnown => return Ok(()),
        Needs::Permission(permission) => (
            principal.may(permission),
            format!("the permission {permission}"),
        ),
        Needs::Admin => (principal.has_role(Role::Admin), "the role admin".to_owned()),
    };
    if allowed {
        return Ok(());
    }
    let detail = format!("this needs {asks}, which {:?} has not", principal.name);
    Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
        .with_hint("an admin can make a token that has it"))
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).with_hint(
        "send `Authorization: Bearer TOKEN`; `outboard token create` makes one, and the one in \
         server.json in the data directory changes at every start",
    )
}

/// A request that is turned away.
struct Refused {
    problem: Problem,
    retry_after: Option<u64>,
    /// Whether the audit log has a line of it already.
    quiet: bool,
}

impl From<Problem> for Box<Refused> {
    fn from(problem: Problem) -> Box<Refused> {
        Box::new(Refused {
            problem,
            retry_after: None,
            quiet: false,
        })
    }
}

/// What is kept of a request while it is worked on.
struct About {
    asked: refusal::Asked,
    changes: bool,
    address: SocketAddr,
    action: String,
    request_id: String,
}

impl About {
    fn of(request: &Request) -> About {
        let extensions = request.extensions();
        // A router without connections knows no addresses.
        let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let connection = extensions.get::<ConnectInfo<SocketAddr>>();
        let (method, path) = (request.method(), request.uri().path());
        let pattern = match extensions.get::<MatchedPath>() {
            Some(matched) => matched.as_str(),
            None => rules::pattern(method, path),
        };
        About {
            asked: refusal::Asked::of(request),
            changes: changes(method),
            address: connection.map_or(nowhere, |info| info.0),
            action: format!("{method} {pattern}"),
            request_id: extensions
                .get::<RequestId>()
                .map_or_else(String::new, |id| id.0.clone()),
        }
    }

    fn line(&self, who: &Principal, at: Timestamp) -> Line {
        let mut line = Line::of(who, &self.action, &url::loggable(self.asked.uri.path()), at);
        line.address = self.address.ip().to_canonical().to_string();
        line.request_id.clone_from(&self.request_id);
        line
    }
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

/// A request that was let in. It is written down also if it goes away before it is
/// answered.
struct Pending<'a> {
    access: &'a Access,
    line: Option<Line>,
    changes: bool,
}

impl Pending<'_> {
    fn end(&mut self, response: &mut Response) {
        let note = response.extensions_mut().remove::<AuditNote>();
        let Some(mut line) = self.line.take() else {
            return;
        };
        if !self.changes && note.is_none() {
            return;
        }
        let note = note.unwrap_or_default();
        if note.is_known {
            return;
        }
        if let Some(who) = note.principal {
            (line.principal, line.name, line.via) = (who.id, who.name, who.via);
        }
        line.action = note.action.map_or(line.action, str::to_owned);
        line.target = note.target.unwrap_or(line.target);
        line.detail = note.detail.unwrap_or_default();
        line.status = note.status.unwrap_or(response.status().as_u16());
        self.access.0.audit.say(line);
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if self.changes
            && let Some(mut line) = self.line.take()
        {
            line.detail = "its sender went away before the answer".to_owned();
            self.access.0.audit.say(line);
        }
    }
}
