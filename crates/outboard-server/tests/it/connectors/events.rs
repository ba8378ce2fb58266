//! What changes about connectors, among everything that changes.

use serde_json::json;

use super::support::{CONNECTORS, Restaurant};

#[tokio::test]
async fn changes_of_connectors_are_events_that_can_be_resumed() {
    let restaurant = Restaurant::empty().await;
    let mut events = restaurant.client().follow("/api/v1/events").await;
    restaurant.hire(|_| {}).await;
    let installed = events.until("connector.installed").await;
    assert_eq!(installed.data["key"], "waiter");
    assert!(installed.data["at"].is_string(), "{installed:?}");
    let path = format!("{CONNECTORS}/waiter/disable");
    assert_eq!(restaurant.client().post(&path, "").await.status, 200);
    let disabled = events.until("connector.disabled").await;
    assert_eq!(disabled.data["change"], json!("disabled"));
    drop(events);

    let back = restaurant.client().with("last-event-id", &installed.id);
    let mut events = back.follow("/api/v1/events").await;
    assert_eq!(events.until("connector.disabled").await, disabled);
    restaurant.close().await;
}
