//! Discovering, loading and unloading, with good plugins and bad ones.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use outboard_workflow::{
    engine::{EngineErrorKind, EnginePlugin as _, NativePlugin as _, PluginFailure},
    external::{ExternalPluginManager, ManagerErrorKind, PluginState},
};
use serde_json::json;

use super::support::{Plugins, diary, execute, exists, manifest, map, step};

#[tokio::test]
async fn discovery_lists_what_could_be_a_plugin_and_says_what_could_be_loaded() {
    let plugins = Plugins::with_diary();
    plugins.script("broken", "exit 1");
    plugins.manifest("broken", "{");
    plugins.script("wrong-name", "exit 1");
    plugins.manifest("wrong-name", &manifest("other", "1.0.0", &[]));
    plugins.script("Not_A_Name", "exit 1");
    fs::create_dir(plugins.path("no-manifest")).unwrap();
    fs::write(plugins.path("a-file"), "").unwrap();
    std::os::unix::fs::symlink(plugins.path("diary"), plugins.path("linked")).unwrap();

    let found = plugins.manager().discover_plugins().unwrap();
    let names: Vec<_> = found.iter().map(|plugin| plugin.name.as_str()).collect();
    assert_eq!(names, ["Not_A_Name", "broken", "diary", "wrong-name"]);
    let kind = |index: usize| found[index].manifest.as_ref().unwrap_err().kind();
    assert_eq!(kind(0), ManagerErrorKind::InvalidName);
    assert_eq!(kind(1), ManagerErrorKind::Manifest);
    assert_eq!(found[2].manifest.as_ref().unwrap().name, "diary");
    assert_eq!(kind(3), ManagerErrorKind::Manifest);
}

#[test]
fn a_missing_directory_holds_no_plugins() {
    let manager = ExternalPluginManager::new("/nonexistent/plugins");
    assert!(manager.discover_plugins().unwrap().is_empty());
}

#[tokio::test]
async fn a_loaded_plugin_is_an_ordinary_plugin_to_the_engine() {
    let plugins = Plugins::with_diary();
    let manager = plugins.manager();
    let adapter = manager.load_plugin("diary").await.unwrap();
    assert_eq!((adapter.name(), &*adapter.version()), ("diary", "1.0.0"));
    assert_eq!(adapter.description(), "writes things down");
    let manifest = adapter.engine_manifest();
    assert_eq!(manifest.module_types, ["diary.book"]);
    assert_eq!(
        manifest.license, "MIT",
        "plugin.json says what the wire cannot"
    );
    assert_eq!(adapter.capabilities()[0].name, "paper");
    assert_eq!(
        adapter.step_factories().into_keys().collect::<Vec<_>>(),
        [
            "step.call",
            "step.echo",
            "step.exit",
            "step.panic",
            "step.sleep"
        ]
    );
    assert!(adapter.trigger_factories().contains_key("diary.bell"));
    assert!(adapter.workflow_handlers().is_empty());
    assert!(adapter.ui_pages().is_empty() && adapter.wiring_hooks().is_empty());

    assert!(manager.is_loaded("diary"));
    assert_eq!(manager.loaded_plugins(), ["diary"]);
    let status = manager.status("diary").unwrap();
    assert_eq!(status.state, PluginState::Ready);
    assert!(exists(status.pid.unwrap()));
    manager.shutdown().await;
    assert!(!exists(status.pid.unwrap()));
    assert!(manager.loaded_plugins().is_empty());
    manager
        .load_plugin("diary")
        .await
        .expect("the manager stays usable");
    manager.shutdown().await;
}

#[tokio::test]
async fn a_modules_life_and_service_happen_in_the_process() {
    let plugins = Plugins::with_diary();
    let manager = plugins.manager();
    let adapter = manager.load_plugin("diary").await.unwrap();
    let path = plugins.path("book.txt");
    let config = map(json!({ "path": path }));
    let module = adapter.module_factories()["diary.book"]
        .create("m", config)
        .await
        .unwrap();
    let application = outboard_workflow::engine::Application::default();
    module.init(&application).await.unwrap();
    module.start().await.unwrap();
    module
        .invoke_service("note", map(json!({ "text": "hello" })))
        .await
        .unwrap();
    let error = module
        .invoke_service("burn", map(json!({})))
        .await
        .unwrap_err();
    assert_eq!(
        error.kind(),
        EngineErrorKind::Plugin(PluginFailure::Refused)
    );
    assert!(
        error.to_string().contains("unknown method \"burn\""),
        "{error}"
    );
    module.stop().await.unwrap();
    module.destroy().await.unwrap();
    let lines: Vec<_> = diary(&path).into_iter().map(|(_, line)| line).collect();
    let expected = [
        "m created",
        "m initialized",
        "m started",
        "m hello",
        "m stopped",
        "m destroyed",
    ];
    assert_eq!(lines, expected);
    assert!(
        module.start().await.is_err(),
        "a destroyed module does not come back"
    );
    manager.shutdown().await;
}

#[tokio::test]
async fn unloading_stops_and_destroys_what_the_plugin_made() {
    let plugins = Plugins::with_diary();
    let manager = plugins.manager();
    let adapter = manager.load_plugin("diary").await.unwrap();
    let path = plugins.path("book.txt");
    let config = map(json!({ "path": path }));
    let module = adapter.module_factories()["diary.book"]
        .create("m", config)
        .await
        .unwrap();
    let application = outboard_workflow::engine::Application::default();
    module.init(&application).await.unwrap();
    module.start().await.unwrap();
    let pid = manager.status("diary").unwrap().pid.unwrap();
    manager.unload_plugin("diary").await.unwrap();
    let lines: Vec<_> = diary(&path).into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines[3..], ["m stopped", "m destroyed"]);
    assert!(!exists(pid));
    assert!(!manager.is_loaded("diary"));
    let error = module.stop().await.unwrap_err();
    assert_eq!(
        error.kind(),
        EngineErrorKind::Plugin(PluginFailure::Unavailable)
    );
    assert!(error.to_string().contains("unloaded"), "{error}");
    let kind = manager.unload_plugin("diary").await.unwrap_err().kind();
    assert_eq!(kind, ManagerErrorKind::NotLoaded);
}

#[tokio::test]
async fn unloading_lets_running_calls_finish() {
    let plugins = Plugins::with_diary();
    let manager = plugins.manager();
    let adapter = manager.load_plugin("diary").await.unwrap();
    let started = plugins.path("started");
    let config = map(json!({ "ms": 300, "started": started }));
    let sleeper = step(&adapter, "step.sleep", config.clone()).await;
    let call = tokio::spawn(async move { execute(&sleeper, &config).await });
    super::support::wait_for("the call", || started.exists()).await;
    manager.unload_plugin("diary").await.unwrap();
    call.await.unwrap().expect("the call that was running");
}

#[tokio::test]
async fn a_step_gets_its_data_and_config_and_a_panic_fails_that_call_alone() {
    let plugins = Plugins::with_diary();
    let manager = plugins.manager();
    let adapter = manager.load_plugin("diary").await.unwrap();
    let echo = step(&adapter, "step.echo", map(json!({ "raw": "{{ x }}" }))).await;
    let nested = map(json!({ "list": [1, "two", { "three": 3.5 }], "nothing": null }));
    let result = execute(&echo, &nested).await.unwrap();
    assert_eq!(result.output["config"], json!(nested));
    assert_eq!(result.output["current"], json!({ "order": 7 }));

    let panics = step(&adapter, "step.panic", map(json!({}))).await;
    let error = execute(&panics, &map(json!({}))).await.unwrap_err();
    assert!(error.to_string().contains("ink everywhere"), "{error}");
    execute(&echo, &nested).await.expect("the process lives");

    let too_large = map(json!({ "items": [{ "id": u64::MAX }] }));
    let error = execute(&echo, &too_large).await.unwrap_err();
    assert_eq!(
        error.kind(),
        EngineErrorKind::Plugin(PluginFailure::BadRequest)
    );
    assert!(error.to_string().contains("config.items[0].id"), "{error}");
    let largest = map(json!({ "id": 1_i64 << 53 }));
    let result = execute(&echo, &largest).await.unwrap();
    assert_eq!(result.output["config"]["id"], json!(1_i64 << 53));
    manager.shutdown().await;
}

#[tokio::test]
async fn names_that_are_no_names_touch_nothing() {
    let plugins = Plugins::with_diary();
    let manager = plugins.manager();
    for name in [
        "",
        " ",
        ".",
        "..",
        "../diary",
        "..%2Fdiary",
        "/etc",
        "Diary",
        "a/b",
        "a\0b",
    ] {
        for error in [
            manager.load_plugin(name).await.unwrap_err(),
            manager.unload_plugin(name).await.unwrap_err(),
            manager.reload_plugin(name).await.unwrap_err(),
        ] {
            assert_eq!(
                error.kind(),
                ManagerErrorKind::InvalidName,
                "{name:?}: {error}"
            );
        }
        assert!(!manager.is_loaded(name));
    }
}

#[tokio::test]
async fn a_plugin_that_leads_out_of_the_directory_is_refused() {
    let elsewhere = Plugins::with_diary();
    let plugins = Plugins::new();
    std::os::unix::fs::symlink(elsewhere.path("diary"), plugins.path("diary")).unwrap();
    let kind = plugins
        .manager()
        .load_plugin("diary")
        .await
        .unwrap_err()
        .kind();
    assert_eq!(kind, ManagerErrorKind::Manifest);

    fs::create_dir(plugins.path("half")).unwrap();
    plugins.manifest("half", &manifest("half", "1.0.0", &[]));
    let program = elsewhere.path("diary").join("diary");
    std::os::unix::fs::symlink(program, plugins.path("half").join("half")).unwrap();
    let error = plugins.manager().load_plugin("half").await.unwrap_err();
    assert_eq!(error.kind(), ManagerErrorKind::Manifest);
    assert!(error.to_string().contains("leads out of"), "{error}");
}

#[tokio::test]
async fn each_kind_of_bad_plugin_has_its_error_and_leaves_the_others_alone() {
    let plugins = Plugins::with_diary();
    let manager = plugins
        .builder()
        .start_timeout(Duration::from_millis(500))
        .build();
    manager.load_plugin("diary").await.unwrap();
    plugins.script("exits", "echo 'out of ink' >&2; exit 3");
    plugins.script("garbage", "echo hello world; sleep 1000");
    plugins.script("hangs", "exec sleep 1000");
    plugins.script("old-app", "echo '1|7|unix|/s|grpc|'; sleep 1000");
    plugins.script("not-executable", "exit 0");
    let program = plugins.path("not-executable").join("not-executable");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o644)).unwrap();
    plugins.script("directory", "exit 0");
    fs::remove_file(plugins.path("directory").join("directory")).unwrap();
    fs::create_dir(plugins.path("directory").join("directory")).unwrap();
    plugins.script("gone", "exit 0");
    fs::remove_file(plugins.path("gone").join("gone")).unwrap();
    for (name, text) in [
        ("empty", String::new()),
        ("no-json", "{".to_owned()),
        ("huge", " ".repeat(10 * 1024 * 1024)),
        (
            "no-author",
            r#"{"name":"no-author","version":"1.0.0","description":"d"}"#.to_owned(),
        ),
        ("bad-version", manifest("bad-version", "one", &[])),
        ("other-name", manifest("another", "1.0.0", &[])),
    ] {
        plugins.script(name, "exit 0");
        plugins.manifest(name, &text);
    }
    plugins.script("not-text", "exit 0");
    fs::write(
        plugins.path("not-text").join("plugin.json"),
        [0xff, 0xfe, 0x00],
    )
    .unwrap();

    for (name, kind, words) in [
        ("exits", ManagerErrorKind::Misbehaved, "out of ink"),
        ("garbage", ManagerErrorKind::Misbehaved, "hello world"),
        ("hangs", ManagerErrorKind::Timeout, "start timeout"),
        (
            "old-app",
            ManagerErrorKind::Misbehaved,
            "protocol version 7",
        ),
        ("not-executable", ManagerErrorKind::Binary, "chmod"),
        ("directory", ManagerErrorKind::Binary, "not a regular file"),
        ("gone", ManagerErrorKind::Binary, "there is no program"),
        ("empty", ManagerErrorKind::Manifest, "empty"),
        ("no-json", ManagerErrorKind::Manifest, "line 1"),
        ("huge", ManagerErrorKind::Manifest, "bytes"),
        ("no-author", ManagerErrorKind::Manifest, "author"),
        ("bad-version", ManagerErrorKind::Manifest, "version"),
        ("other-name", ManagerErrorKind::Manifest, "another"),
        ("not-text", ManagerErrorKind::Manifest, "UTF-8"),
        ("missing", ManagerErrorKind::NotFound, "there is no plugin"),
        ("diary", ManagerErrorKind::AlreadyLoaded, "already loaded"),
    ] {
        let error = manager.load_plugin(name).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(error.to_string().contains(words), "{name}: {error}");
        assert!(error.to_string().contains(name), "{name}: {error}");
        assert!(manager.is_loaded(name) == (name == "diary"));
    }
    let status = manager.status("diary").unwrap();
    assert_eq!(status.state, PluginState::Ready);
    manager.shutdown().await;
}

#[tokio::test]
async fn a_slow_start_does_not_hold_up_looking_or_other_plugins() {
    let plugins = Plugins::with_diary();
    let marker = plugins.path("slow-started");
    plugins.script(
        "slow",
        &format!("touch {}; exec sleep 1000", marker.display()),
    );
    let manager = plugins
        .builder()
        .start_timeout(Duration::from_secs(3))
        .build();
    let slow = {
        let manager = manager.clone();
        tokio::spawn(async move { manager.load_plugin("slow").await.map(drop) })
    };
    super::support::wait_for("the slow start", || marker.exists()).await;
    let before = tokio::time::Instant::now();
    assert!(!manager.is_loaded("slow"));
    manager.load_plugin("diary").await.unwrap();
    manager.unload_plugin("diary").await.unwrap();
    assert!(
        before.elapsed() < Duration::from_secs(2),
        "{:?}",
        before.elapsed()
    );
    let kind = slow.await.unwrap().unwrap_err().kind();
    assert_eq!(kind, ManagerErrorKind::Timeout);
}

#[tokio::test]
async fn two_loads_at_once_start_one_process() {
    let plugins = Plugins::with_diary();
    let manager = plugins.manager();
    let (one, other) = tokio::join!(manager.load_plugin("diary"), manager.load_plugin("diary"));
    let mut outcomes = [one.map(drop), other.map(drop)];
    outcomes.sort_by_key(Result::is_err);
    assert!(outcomes[0].is_ok());
    let kind = outcomes[1].as_ref().unwrap_err().kind();
    assert_eq!(kind, ManagerErrorKind::AlreadyLoaded);
    manager.shutdown().await;
}

#[tokio::test]
async fn a_plugin_gets_a_directory_of_its_own_and_works_in_its_own() {
    let plugins = Plugins::new();
    plugins.script(
        "nosy",
        "pwd >&2; echo \"data=$OUTBOARD_PLUGIN_DATA_DIR\" >&2; env >&2; exit 1",
    );
    let data = tempfile::tempdir().unwrap();
    let manager = plugins.builder().data_dir(data.path()).build();
    manager.load_plugin("nosy").await.unwrap_err();
    let lines: Vec<_> = manager
        .log("nosy")
        .unwrap()
        .recent()
        .into_iter()
        .map(|line| line.message)
        .collect();
    assert_eq!(
        lines[0],
        plugins
            .path("nosy")
            .canonicalize()
            .unwrap()
            .display()
            .to_string()
    );
    assert_eq!(
        lines[1],
        format!("data={}", data.path().join("nosy").display())
    );
    assert!(data.path().join("nosy").is_dir());
    assert!(
        !lines.iter().any(|line| line.starts_with("CARGO_")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn dropping_the_manager_ends_its_plugins() {
    let plugins = Plugins::with_diary();
    let manager = plugins.manager();
    let adapter = manager.load_plugin("diary").await.unwrap();
    let pid = manager.status("diary").unwrap().pid.unwrap();
    drop(manager);
    super::support::wait_for("the process to end", || !exists(pid)).await;
    let factory = &adapter.step_factories()["step.echo"];
    let Err(error) = factory.create("s", map(json!({}))).await else {
        panic!("the plugin is gone");
    };
    assert!(error.to_string().contains("manager is gone"), "{error}");
}
