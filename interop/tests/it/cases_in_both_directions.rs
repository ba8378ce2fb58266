//! One list of cases for every pair of host and plugin.

use outboard_interop::{cases, host, tools};

#[tokio::test]
async fn our_host_and_the_go_plugin_agree_on_every_case() {
    let Some(go) = tools::go() else { return };
    let plugin = host::spec("go-kitchen", go.path("go-plugin-kitchen"))
        .start()
        .await
        .unwrap();
    let list = cases::workflow();
    let seen = host::run(&list, &plugin).await;
    assert_eq!(cases::judge(&list, &seen), [""; 0]);
}
