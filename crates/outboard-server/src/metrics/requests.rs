//! Requests that this server answered, by the pattern of their route: never by their path,
//! of which callers make up as many as they like.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::Method;

use crate::stats::{Durations, OTHER};

/// How many pairs of a route and a method are counted one by one. There are fewer.
const MAX_ROUTES: usize = 1024;

/// What was counted of one method of one route.
#[derive(Clone, Debug, Default)]
pub(super) struct Answered {
    /// By status.
    pub(super) statuses: Vec<(u16, u64)>,
    pub(super) durations: Durations,
}

type Routes = HashMap<Box<str>, HashMap<&'static str, Answered>>;

/// The requests of one server. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Requests(Arc<Shared>);

#[derive(Default)]
struct Shared {
    routes: Mutex<Routes>,
    running: AtomicU64,
}

impl fmt::Debug for Requests {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Requests").finish_non_exhaustive()
    }
}

impl Requests {
    /// Counts a request, and how long it took until it began to be answered.
    pub(crate) async fn count(
        State(requests): State<Requests>,
        request: Request,
        next: Next,
    ) -> Response {
        let route = request.extensions().get::<MatchedPath>().cloned();
        let method = word(request.method());
        let running = Running::begin(&requests.0.running);
        let began = Instant::now();
        let response = next.run(request).await;
        drop(running);
        // Without a route it is a trigger of the workflow, or nothing.
        let route = route.as_ref().map_or(OTHER, MatchedPath::as_str);
        requests.record(route, method, response.status().as_u16(), began.elapsed());
        response
    }

    fn record(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        let mut routes = self.lock();
        let route = match routes.contains_key(route) || routes.len() < MAX_ROUTES {
            true => route,
            false => OTHER,
        };
        if !routes.contains_key(route) {
            routes.insert(route.into(), HashMap::new());
        }
        let Some(methods) = routes.get_mut(route) else {
            return;
        };
        let answered = methods.entry(method).or_default();
        match answered
            .statuses
            .iter_mut()
            .find(|(known, _)| *known == status)
        {
            Some((_, count)) => *count += 1,
            None => answered.statuses.push((status, 1)),
        }
        answered.durations.record(took);
    }

    /// How many are being worked on.
    pub(super) fn running(&self) -> u64 {
        self.0.running.load(Ordering::Relaxed)
    }

    /// What was counted, by route and method, sorted.
    pub(super) fn all(&self) -> Vec<(String, &'static str, Answered)> {
        let routes = self.lock();
        let mut all: Vec<_> = routes
            .iter()
            .flat_map(|(route, methods)| {
                methods
                    .iter()
                    .map(|(method, answered)| (route.to_string(), *method, answered.clone()))
            })
            .collect();
        drop(routes);
        all.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
        all
    }

    fn lock(&self) -> MutexGuard<'_, Routes> {
        let routes = self.0.routes.lock();
        routes.unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being worked on, until it is dropped: also by a caller who left.
struct Running<'a>(&'a AtomicU64);

impl<'a> Running<'a> {
    fn begin(count: &'a AtomicU64) -> Running<'a> {
        count.fetch_add(1, Ordering::Relaxed);
        Running(count)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A method that is known; callers can make up others.
fn word(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_that_callers_make_up_are_one() {
        assert_eq!(word(&Method::GET), "GET");
        assert_eq!(word(&Method::from_bytes(b"BREW").unwrap()), OTHER);
    }

    #[test]
    fn each_status_of_a_route_is_counted() {
        let requests = Requests::default();
        for status in [200, 200, 404] {
            requests.record("/a/{b}", "GET", status, Duration::from_millis(1));
        }
        let all = requests.all();
        let (route, method, answered) = &all[0];
        assert_eq!((route.as_str(), *method, all.len()), ("/a/{b}", "GET", 1));
        assert_eq!(answered.statuses, [(200, 2), (404, 1)]);
        assert_eq!(answered.durations.total, Duration::from_millis(3));
    }
}
