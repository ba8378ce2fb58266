//! The pages that plugins bring, as the page of the plugins lists them.

use crate::{
    support::{Plugins, Running},
    ui_plugins::write,
};

const PLUGINS: &str = "/ui/plugins";

#[tokio::test]
async fn pages_that_plugins_bring_are_loaded_disabled_and_taken_away_from_the_list() {
    let plugins = Plugins::new();
    let root = plugins.path("");
    write(
        &root,
        "reports/ui.json",
        r#"{"version":"1.2.0","navItems":[{"id":"today","label":"To<b>day"}]}"#,
    );
    write(&root, "reports/assets/index.html", "hello");
    write(&root, "torn/ui.json", "{");
    let running = Running::start(plugins).await;
    let client = &running.client;

    let page = client.page(PLUGINS).await;
    assert!(page.contains("not loaded"), "{page}");
    assert!(
        page.contains("unusable") && page.contains("ui.json"),
        "{page}"
    );
    assert!(!page.contains("To<b>day"), "it is text: {page}");
    assert!(!page.contains("/ui/pages/reports/today"), "{page}");

    let problems = client.get("/api/v1/problems").await;
    assert!(problems.body.contains("The pages of torn"), "{problems:?}");
    assert!(!problems.body.contains("reports"), "{problems:?}");

    let change = async |verb: &str| {
        client
            .submit_and_follow(&format!("{PLUGINS}/ui/reports/{verb}"), &[])
            .await
    };
    let page = change("load").await;
    assert!(page.contains("The pages of reports are loaded."), "{page}");
    assert!(page.contains("/ui/pages/reports/today"), "{page}");
    let page = change("disable").await;
    assert!(page.contains("Enable it again"), "{page}");
    assert!(!page.contains("/ui/pages/reports/today"), "{page}");
    let page = change("enable").await;
    assert!(page.contains("/ui/pages/reports/today"), "{page}");
    let page = change("reload").await;
    assert!(
        page.contains("The pages of reports are reloaded."),
        "{page}"
    );
    let page = change("unload").await;
    assert!(page.contains("Load it again"), "{page}");
    let page = change("unload").await;
    assert!(page.contains("Could not unload"), "{page}");
    let answer = client
        .submit(&format!("{PLUGINS}/ui/reports/shout"), &[])
        .await;
    assert_eq!(answer.status, 404, "{answer:?}");

    let viewer = client.of_role("viewer").await;
    let page = viewer.page(PLUGINS).await;
    assert!(!page.contains("/ui/plugins/ui/"), "{page}");
    let answer = viewer
        .submit(&format!("{PLUGINS}/ui/reports/load"), &[])
        .await;
    assert_eq!(answer.status, 403, "{answer:?}");
    running.stop().await;
}
