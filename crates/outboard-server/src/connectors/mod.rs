//! Connectors, tools and jobs over HTTP: our routes, and the original's.
//!
//! | route below `/api/v1/connectors` | what |
//! |---|---|
//! | `GET ?kind=&tag=&q=&limit=&cursor=` | what is installed |
//! | `GET /catalog?q=`, `GET /history?…` | what catalogs have; calls that were made |
//! | `POST /install` | installs; with Server-Sent Events if they are accepted |
//! | `POST /install/review` | says what an installation would bring, and does not install |
//! | `GET`, `DELETE /{key}` | all about one; removes it |
//! | `POST /{key}/update`, `/rollback`, `/enable`, `/disable`, `/verify` | changes one |
//! | `GET /{key}/health`, `/permissions`, `/logs` | asks one |
//! | `/{key}/instances…` | its sets of config values, and signing in |
//! | `POST /{key}/operations/{operation}` | calls it; with Server-Sent Events if they are accepted |
//! | `GET /oauth/callback`, `POST /oauth/finish` | ends a sign-in |
//!
//! `/api/v1/tools` and `/api/v1/jobs` are the same for what is of that kind. Keys are
//! unique over all three, and `/api/v1/connectors/{key}` takes any of them.
//!
//! `/manager/api/plugins…` is what the original's clients ask; see [`original`].

mod body;
mod call;
mod change;
mod describe;
mod failure;
mod install;
mod installed;
mod instances;
mod original;
mod page;
mod sign_in;
mod steps;
mod work;

use axum::{
    Router,
    routing::{any, get, patch, post},
};
use outboard_connector::host::ConnectorHost;
use outboard_contracts::connector::{Kind, validate_key};

use self::{body::Bodies, failure::Failure, work::Streams};
use crate::{http::Problem, server::AppState};

pub use self::steps::{CONNECTOR_STEP, ConnectorSteps, StepProblem};
pub(crate) use self::{
    change::{Happened, record_changes},
    describe::operations,
    failure::problem_of_host,
    original::{is_original_route, refusal},
    sign_in::CALLBACK,
    work::wants_events,
};

/// Where our routes begin.
const PREFIX: &str = "/api/v1/connectors";
/// The same for the kinds that have routes of their own.
const OF_KIND: [(&str, Kind); 2] = [("/api/v1/tools", Kind::Tool), ("/api/v1/jobs", Kind::Job)];

/// What the routes of one prefix work on.
#[derive(Clone)]
struct Family {
    host: ConnectorHost,
    /// The only kind that these routes know, if they do not know all.
    kind: Option<Kind>,
    prefix: &'static str,
    streams: Streams,
    bodies: Bodies,
}

impl Family {
    /// Refuses a key that is none, or that is of another kind.
    async fn check(&self, key: &str) -> Result<(), Failure> {
        validate_key(key).map_err(|error| {
            let status = http::StatusCode::BAD_REQUEST;
            Problem::new(status, "invalid_name", error.to_string())
        })?;
        let Some(kind) = self.kind else {
            return Ok(());
        };
        let found = self.host.describe(key).await?.summary.kind;
        if found == kind.as_str() {
            return Ok(());
        }
        let detail = format!("{key} is a {found} and no {kind}");
        let hint = format!("ask for /api/v1/{found}s/{key}");
        Err(Problem::not_found(detail).with_hint(hint).into())
    }
}

/// The routes over a host: ours, and the original's, whose answers are its own to the
/// last byte. Without a host, all of them say that there is none. `max_streams` is how many
/// answers may be streamed at once.
pub(crate) fn routes(
    host: Option<ConnectorHost>,
    max_streams: usize,
) -> (Router<AppState>, Router) {
    let Some(host) = host else {
        let prefixes = OF_KIND.iter().map(|(prefix, _)| *prefix).chain([PREFIX]);
        let ours = prefixes.fold(Router::new(), |router, prefix| {
            router
                .route(prefix, any(absent))
                .route(&format!("{prefix}/{{*rest}}"), any(absent))
        });
        return (ours, original::absent());
    };
    let streams = Streams::new(max_streams);
    let bodies = Bodies::default();
    let family = |prefix, kind| Family {
        host: host.clone(),
        kind,
        prefix,
        streams: streams.clone(),
        bodies: bodies.clone(),
    };
    let all = family(PREFIX, None);
    // Services know one place to send browsers to.
    let callback = Router::new().route(CALLBACK, get(sign_in::callback));
    let router = of_family(all.clone()).merge(callback.with_state(all));
    let ours = OF_KIND.iter().fold(router, |router, (prefix, kind)| {
        router.merge(of_family(family(prefix, Some(*kind))))
    });
    (ours, original::routes(host.clone(), streams.clone()))
}

fn of_family(family: Family) -> Router<AppState> {
    let at = |path: &str| format!("{}{path}", family.prefix);
    Router::new()
        .route(&at(""), get(installed::list))
        .route(&at("/catalog"), get(installed::catalog))
        .route(&at("/history"), get(call::history))
        .route(&at("/install"), post(install::install))
        .route(&at("/install/review"), post(install::review))
        .route(
            &at("/{key}"),
            get(installed::describe).delete(install::remove),
        )
        .route(&at("/{key}/update"), post(install::update))
        .route(&at("/{key}/rollback"), post(install::rollback))
        .route(&at("/{key}/enable"), post(installed::enable))
        .route(&at("/{key}/disable"), post(installed::disable))
        .route(&at("/{key}/verify"), post(installed::verify))
        .route(&at("/{key}/health"), get(installed::health))
        .route(&at("/{key}/permissions"), get(installed::permissions))
        .route(&at("/{key}/logs"), get(installed::logs))
        .route(
            &at("/{key}/instances"),
            get(instances::list).post(instances::create),
        )
        .route(
            &at("/{key}/instances/{instance}"),
            patch(instances::update)
                .get(instances::get)
                .delete(instances::delete),
        )
        .route(
            &at("/{key}/instances/{instance}/sign-in"),
            post(sign_in::begin),
        )
        .route(&at("/oauth/finish"), post(sign_in::finish))
        .route(&at("/{key}/operations/{operation}"), post(call::execute))
        .with_state(family)
}

async fn absent() -> Problem {
    Problem::not_found("this server has no connectors")
        .with_hint("it was started without them; see the log of its start")
}
