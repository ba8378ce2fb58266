//! Calls that were made.

use super::{
    ConnectorHost,
    error::{HostError, HostErrorKind, of_state},
    types::{HistoryEntry, HistoryPage, HistoryQuery},
};
use crate::state::history::{CallFilter, MAX_PAGE, Outcome, RecordedCall};

/// How many calls a page has unless it is asked for more.
const PAGE: usize = 50;
/// Stands for every outcome that is a failure.
const FAILED: &str = "failed";

impl ConnectorHost {
    /// How many calls are missing in the history, because too many came at once or the
    /// disk failed.
    pub fn history_lost(&self) -> u64 {
        let lost = self.inner.recorder.lost();
        lost.dropped + lost.failed
    }

    /// Calls that were made, newest first.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::InvalidInput`] for a cursor or an outcome that is none.
    pub async fn history(&self, query: HistoryQuery) -> Result<HistoryPage, HostError> {
        let invalid = |message: String| HostError::new(HostErrorKind::InvalidInput, message);
        let before = match &query.cursor {
            None => None,
            Some(cursor) => Some(
                cursor
                    .parse()
                    .map_err(|_| invalid(format!("{cursor:?} is no cursor")))?,
            ),
        };
        let failed = query.outcome.as_deref() == Some(FAILED);
        let outcome = match &query.outcome {
            None => None,
            Some(_) if failed => None,
            Some(word) => Some(
                Outcome::ALL
                    .into_iter()
                    .find(|outcome| outcome.as_str() == word)
                    .ok_or_else(|| {
                        let words: Vec<_> = Outcome::ALL.map(Outcome::as_str).into();
                        invalid(format!("{word:?} is no outcome")).hint(format!(
                            "there are {}, and {FAILED} for any failure",
                            words.join(", ")
                        ))
                    })?,
            ),
        };
        let limit = query.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE as usize);
        let filter = CallFilter {
            connector: query.key,
            operation: query.operation,
            instance: None,
            outcome,
            failed,
            caller: query.caller,
            text: query.q.filter(|text| !text.is_empty()),
            before,
            limit: u32::try_from(limit).unwrap_or(MAX_PAGE),
        };
        let host = self.clone();
        let page = self
            .with_state(move |state| {
                // What was called a moment ago is looked for now.
                host.inner.recorder.flush(super::FLUSH_TIMEOUT);
                state.calls(&filter).map_err(of_state)
            })
            .await?;
        Ok(HistoryPage {
            calls: page.calls.into_iter().map(entry).collect(),
            next_cursor: page.next.map(|next| next.to_string()),
        })
    }

    /// One call that was made.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::NotFound`] when there is none of that id, or none any more.
    pub async fn recorded_call(&self, id: &str) -> Result<HistoryEntry, HostError> {
        let unknown = || {
            HostError::new(
                HostErrorKind::NotFound,
                format!("there is no call {id:?}, or it is forgotten"),
            )
        };
        let number: i64 = id.parse().map_err(|_| unknown())?;
        let host = self.clone();
        let found = self
            .with_state(move |state| {
                host.inner.recorder.flush(super::FLUSH_TIMEOUT);
                state.call(number).map_err(of_state)
            })
            .await?;
        found.map(entry).ok_or_else(unknown)
    }
}

fn entry(recorded: RecordedCall) -> HistoryEntry {
    let call = recorded.call;
    let some = |text: String| (!text.is_empty()).then_some(text);
    HistoryEntry {
        id: recorded.id.to_string(),
        started_at: call.started_at.to_string(),
        duration_ms: u64::try_from(call.duration.as_millis()).unwrap_or(u64::MAX),
        connector: call.connector,
        version: call.version,
        operation: call.operation,
        instance: call.instance,
        caller: call.caller,
        request_id: call.request_id,
        trace_id: some(call.trace_id),
        outcome: call.outcome.as_str().to_owned(),
        error_code: some(call.code),
        error: some(call.message),
        result_bytes: call.result_bytes,
    }
}
