//! Both families of plugins in one list.

use serde_json::{Value, json};

use crate::{
    connectors::support::{Restaurant, catalog},
    support::eventually,
};

async fn row(restaurant: &Restaurant, name: &str) -> Value {
    let listed = restaurant.client().get("/api/v1/plugins").await;
    assert_eq!(listed.status, 200, "{listed:?}");
    let rows = listed.json();
    let rows = rows["plugins"].as_array().unwrap();
    let found = rows.iter().find(|row| row["name"] == name);
    found
        .unwrap_or_else(|| panic!("{name} in {rows:?}"))
        .clone()
}

#[tokio::test]
async fn both_families_are_one_list_with_what_their_processes_do() {
    let restaurant = Restaurant::open().await;
    let plugins = &restaurant.running.plugins;
    plugins.kitchen();
    plugins.plugin("broken", "{");
    std::fs::write(plugins.path("broken/broken"), "").unwrap();
    let client = restaurant.client();

    let kitchen = row(&restaurant, "kitchen").await;
    assert_eq!(kitchen["family"], "workflow");
    assert_eq!(kitchen["state"], "stopped");
    assert_eq!(kitchen["condition"], "off");
    assert_eq!(kitchen["version"], "1.0.0");
    assert_eq!(kitchen.get("pid"), None);
    let broken = row(&restaurant, "broken").await;
    assert_eq!(broken["state"], "unusable");
    assert_eq!(broken["condition"], "bad");
    assert_eq!(broken["problem"]["kind"], "manifest");
    let waiter = row(&restaurant, "waiter").await;
    assert_eq!(waiter["family"], "connector");
    assert_eq!(waiter["kind"], "connector");
    assert_eq!(waiter["title"], "Waiter");
    assert_eq!(waiter["state"], "stopped");
    assert_eq!(waiter["condition"], "well", "the next call starts it");

    client
        .post("/api/v1/plugins/external/kitchen/load", "")
        .await;
    restaurant.call("menu", json!({})).await;
    for name in ["kitchen", "waiter"] {
        let row = row(&restaurant, name).await;
        assert_eq!(row["condition"], "well", "{row}");
        assert!(row["pid"].as_u64().unwrap() > 1, "{row}");
        assert!(row["uptime_ms"].is_u64(), "{row}");
        assert_eq!(row["restarts"], 0, "{row}");
        #[cfg(target_os = "linux")]
        assert!(row["memory_bytes"].as_u64().unwrap() > 1000, "{row}");
    }

    let listed = client.get("/api/v1/plugins?family=connector").await.json();
    assert_eq!(listed["plugins"].as_array().unwrap().len(), 1);
    let wrong = client.get("/api/v1/plugins?family=pets").await;
    assert_eq!(wrong.kind(), "bad_request");
    restaurant.close().await;
}

#[tokio::test]
async fn a_plugin_that_came_back_says_how_often() {
    let restaurant = Restaurant::open().await;
    restaurant.running.plugins.kitchen();
    let client = restaurant.client();
    client
        .post("/api/v1/plugins/external/kitchen/load", "")
        .await;
    let before = row(&restaurant, "kitchen").await["pid"].as_u64().unwrap();
    let killed = std::process::Command::new("kill")
        .args(["-9", &before.to_string()])
        .status();
    assert!(killed.unwrap().success());
    let manager = &restaurant.running.manager;
    eventually("the kitchen is back", || {
        let status = manager.status("kitchen").unwrap();
        status.pid.is_some_and(|pid| u64::from(pid) != before) && status.restarts == 1
    })
    .await;
    assert_eq!(row(&restaurant, "kitchen").await["restarts"], 1);

    restaurant.call("die", json!({})).await;
    assert_eq!(row(&restaurant, "waiter").await["restarts"], 1);
    let disabled = client.post("/api/v1/connectors/waiter/disable", "").await;
    assert_eq!(disabled.status, 200);
    let waiter = row(&restaurant, "waiter").await;
    assert_eq!(waiter["state"], "disabled");
    assert_eq!(waiter["condition"], "off");
    assert_eq!(waiter["enabled"], false);
    restaurant.close().await;
}

#[tokio::test]
async fn a_newer_version_in_a_catalog_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let catalog = catalog(directory.path(), "9.1.0");
    let restaurant =
        Restaurant::with(|config| config.catalogs = vec![catalog], |server| server).await;
    restaurant.hire(|_| {}).await;
    let waiter = row(&restaurant, "waiter").await;
    assert_eq!(waiter["update"], "9.1.0", "{waiter}");
    restaurant.close().await;
}
