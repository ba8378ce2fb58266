//! What changes about connectors, as events.

use std::time::SystemTime;

use outboard_connector::host::Change;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::events::{Events, timestamp};

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "ConnectorEvent")]
pub(crate) struct Happened<'a> {
    at: String,
    #[serde(flatten)]
    change: &'a Change,
}

/// Remembers what changes, until the host is gone.
pub(crate) async fn record_changes(events: Events, mut changes: broadcast::Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(change) => {
                let happened = Happened {
                    at: timestamp(SystemTime::now()),
                    change: &change,
                };
                events.ring().push(name_of(&change.change), &happened);
            }
            Err(RecvError::Lagged(count)) => {
                events.ring().miss(count);
                let lost = serde_json::json!({ "count": count });
                events.ring().push("lost", &lost);
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// The event's name; the data has the word of a change that is newer than this list.
fn name_of(change: &str) -> &'static str {
    match change {
        "installed" => "connector.installed",
        "updated" => "connector.updated",
        "removed" => "connector.removed",
        "enabled" => "connector.enabled",
        "disabled" => "connector.disabled",
        "problem" => "connector.problem",
        _ => "connector.other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_keeps_its_fields_and_gets_a_time() {
        let change = Change {
            key: "github".to_owned(),
            change: "updated".to_owned(),
            version: Some("1.1.0".to_owned()),
            detail: None,
        };
        let at = "now".to_owned();
        let json = serde_json::to_string(&Happened {
            at,
            change: &change,
        })
        .expect("plain data");
        assert_eq!(
            json,
            r#"{"at":"now","key":"github","change":"updated","version":"1.1.0"}"#
        );
        assert_eq!(name_of("updated"), "connector.updated");
        assert_eq!(name_of("painted"), "connector.other");
    }
}
