//! `GET /ui/settings/audit`: who changed what, and who was turned away.

use askama::Template;
use axum::extract::{Query, State};
use http::StatusCode;
use serde::Deserialize;

use super::{
    super::{
        format::Moment,
        page::{Ui, UiResult},
        state::Mark,
    },
    Tab, tabs,
};
use crate::{
    security::{AuditEntry, AuditQuery, read_audit},
    server::AppState,
};

#[derive(Template)]
#[template(path = "settings/audit.html")]
struct AuditPage {
    tabs: Vec<Tab>,
    tab: &'static str,
    query: AuditForm,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    entry: AuditEntry,
    at: Moment,
    mark: Mark,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AuditForm {
    principal: String,
    action: String,
    cursor: String,
}

impl AuditForm {
    fn is_filtered(&self) -> bool {
        !self.principal.is_empty() || !self.action.is_empty()
    }

    fn at(&self, cursor: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (key, value) in [
            ("principal", self.principal.as_str()),
            ("action", &self.action),
            ("cursor", cursor),
        ] {
            if !value.is_empty() {
                query.append_pair(key, value);
            }
        }
        format!("/ui/settings/audit?{}", query.finish())
    }
}

pub(super) async fn audit(
    State(state): State<AppState>,
    Query(query): Query<AuditForm>,
    ui: Ui,
) -> UiResult {
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let asked = AuditQuery {
        cursor: some(&query.cursor),
        limit: None,
        principal: some(&query.principal),
        action: some(&query.action),
    };
    let (entries, next) = read_audit(&state, asked).await?;
    let rows = entries.into_iter().map(|entry| Row {
        at: Moment::new(entry.at, ui.now),
        mark: outcome(entry.status),
        entry,
    });
    let body = AuditPage {
        tabs: tabs(&ui),
        tab: "audit",
        rows: rows.collect(),
        next: next.map(|next| query.at(&next)),
        query,
    };
    ui.page("Audit log", "settings", &body)
}

/// How it went, by the status that was answered.
fn outcome(status: u16) -> Mark {
    let (word, tone) = match StatusCode::from_u16(status) {
        // No request did it: the server itself, at its start.
        Err(_) if status == 0 => ("done", "good"),
        Ok(status) if status.is_success() || status.is_redirection() => ("done", "good"),
        Ok(StatusCode::UNAUTHORIZED) => ("not let in", "bad"),
        Ok(StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) => ("refused", "bad"),
        _ => ("failed", "warn"),
    };
    Mark {
        word: match status {
            0 => word.to_owned(),
            status => format!("{word} ({status})"),
        },
        tone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_told_in_words() {
        for (status, word) in [
            (200, "done (200)"),
            (303, "done (303)"),
            (401, "not let in (401)"),
            (403, "refused (403)"),
            (429, "refused (429)"),
            (422, "failed (422)"),
            (0, "done"),
        ] {
            assert_eq!(outcome(status).word, word);
        }
    }
}
