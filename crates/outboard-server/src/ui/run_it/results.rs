//! Results that pages show a part of: kept whole for a while, for the one who asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::{HeaderValue, header};

use crate::{http::Problem, server::AppState, ui::page::Ui};

/// How many results are kept, and how many bytes of them together.
const MAX_RESULTS: usize = 32;
const MAX_BYTES: usize = 96 * 1024 * 1024;
/// How long one is kept.
const KEPT: Duration = Duration::from_secs(15 * 60);

/// The last results. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results(Arc<Mutex<VecDeque<Kept>>>);

struct Kept {
    id: String,
    /// The id of who asked; nobody else gets it.
    owner: String,
    json: Arc<str>,
    at: Instant,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Kept").field(&self.id).finish()
    }
}

impl Results {
    /// Keeps a result, and says under which id. `None` if it is too large, or if the system
    /// has no randomness.
    pub(crate) fn keep(&self, owner: &str, json: &str, now: Instant) -> Option<String> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).ok()?;
        let id: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if json.len() > MAX_BYTES {
            return None;
        }
        let mut kept = self.lock();
        kept.retain(|kept| now.duration_since(kept.at) < KEPT);
        let size = |kept: &VecDeque<Kept>| kept.iter().map(|kept| kept.json.len()).sum::<usize>();
        while kept.len() >= MAX_RESULTS || size(&kept) + json.len() > MAX_BYTES {
            kept.pop_front()?;
        }
        kept.push_back(Kept {
            id: id.clone(),
            owner: owner.to_owned(),
            json: json.into(),
            at: now,
        });
        Some(id)
    }

    fn find(&self, id: &str, owner: &str, now: Instant) -> Option<Arc<str>> {
        let kept = self.lock();
        let found = kept
            .iter()
            .find(|kept| kept.id == id && kept.owner == owner)?;
        (now.duration_since(found.at) < KEPT).then(|| Arc::clone(&found.json))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `GET /ui/run/results/{id}`
pub(super) async fn raw(
    State(state): State<AppState>,
    Path(id): Path<String>,
    ui: Ui,
) -> Result<Response, Problem> {
    let found = state.results.find(&id, &ui.principal.id, Instant::now());
    let json = found.ok_or_else(|| {
        Problem::not_found("this result is not kept any more, or was somebody else's")
            .with_hint("run it again")
    })?;
    let mut response = Response::new(Body::from(json.as_bytes().to_vec()));
    let headers = response.headers_mut();
    let value = HeaderValue::from_static;
    headers.insert(header::CONTENT_TYPE, value("application/json"));
    headers.insert(
        header::CONTENT_DISPOSITION,
        value("attachment; filename=\"result.json\""),
    );
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_for_the_one_who_asked_and_for_a_while() {
        let results = Results::default();
        let now = Instant::now();
        let id = results.keep("ada", "[1]", now).expect("an id");
        assert_eq!(results.find(&id, "ada", now).as_deref(), Some("[1]"));
        assert_eq!(results.find(&id, "bob", now), None);
        assert_eq!(results.find("x", "ada", now), None);
        assert_eq!(results.find(&id, "ada", now + KEPT), None);
    }

    #[test]
    fn the_oldest_make_room_in_number_and_in_size() {
        let results = Results::default();
        let now = Instant::now();
        let first = results.keep("a", "1", now).expect("an id");
        for _ in 0..MAX_RESULTS {
            results.keep("a", "2", now).expect("an id");
        }
        assert_eq!(results.find(&first, "a", now), None);
        let large = "x".repeat(MAX_BYTES / 2 + 1);
        let before = results.keep("a", &large, now).expect("an id");
        let after = results.keep("a", &large, now).expect("an id");
        assert_eq!(results.find(&before, "a", now), None);
        assert!(results.find(&after, "a", now).is_some());
        assert_eq!(results.keep("a", &"x".repeat(MAX_BYTES + 1), now), None);
    }
}
