//! The life of modules: in the order of their needs, back in reverse, and nothing
//! left half-way.

use std::{sync::Arc, time::Duration};

use outboard_workflow::engine::{Engine, EngineErrorKind, WiringHook};
use serde_json::json;

use super::support::{Diary, TestPlugin, apply, engine, map, test_modules, tests_plugin};

fn modules(lines: &[&str]) -> String {
    let mut file = "modules:\n".to_owned();
    for line in lines {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        file.push_str(&format!(
            "  - {{ name: {name}, type: test.module{rest} }}\n"
        ));
    }
    file
}

#[tokio::test]
async fn modules_start_in_the_order_of_their_needs_and_stop_in_reverse() {
    let diary = Diary::default();
    let engine = engine(&diary);
    // Three ways to need somebody: the file, the module's own word, a service.
    let file = modules(&[
        "top , depends_on: [middle]",
        "middle , config: { needs: [low] }",
        "low , config: { requires: [bytes] }",
        "base , config: { provides: [bytes] }",
    ]);
    apply(&engine, &file).await.unwrap();
    assert_eq!(engine.modules(), ["base", "low", "middle", "top"]);
    engine.stop().await;
    let expected: Vec<String> = [
        ("make", "top middle low base"),
        ("init", "base low middle top"),
        ("start", "base low middle top"),
        ("stop", "top middle low base"),
        ("destroy", "top middle low base"),
    ]
    .iter()
    .flat_map(|(what, names)| names.split(' ').map(move |name| format!("{what} {name}")))
    .collect();
    assert_eq!(diary.entries(), expected);
}

#[tokio::test]
async fn services_are_there_while_modules_run() {
    let diary = Diary::default();
    let engine = engine(&diary);
    apply(
        &engine,
        &modules(&["store , config: { provides: [bytes] }"]),
    )
    .await
    .unwrap();
    let application = engine.application();
    assert_eq!(application.services(), ["bytes", "store"]);
    let answer = application
        .invoke("bytes", "echo", map(json!({ "n": 1 })))
        .await
        .unwrap();
    assert_eq!(answer["n"], 1);
    let error = application
        .invoke("byts", "echo", map(json!({})))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("did you mean \"bytes\"?"),
        "{error}"
    );
    engine.stop().await;
    assert!(!engine.application().has_service("bytes"));
}

#[tokio::test]
async fn a_module_that_fails_leaves_no_other_running() {
    for failing in ["make", "init", "start"] {
        let diary = Diary::default();
        let engine = engine(&diary);
        let last = format!("last , config: {{ fail: {failing}, needs: [first] }}");
        let error = apply(&engine, &modules(&["first", &last]))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("\"last\""), "{error}");
        let entries = diary.entries();
        let count = |entry: &str| entries.iter().filter(|found| *found == entry).count();
        assert_eq!(
            count("start first"),
            count("stop first"),
            "{failing}: {entries:?}"
        );
        assert_eq!(count("destroy first"), 1, "{failing}: {entries:?}");
        assert_eq!(
            count("destroy last"),
            usize::from(failing != "make"),
            "{entries:?}"
        );
        assert_eq!(count("stop last"), 0, "{failing}: {entries:?}");
        assert!(engine.modules().is_empty() && engine.application().services().is_empty());
        // The engine can be used again.
        apply(&engine, &modules(&["first"])).await.unwrap();
        engine.stop().await;
    }
}

#[tokio::test]
async fn a_module_that_does_not_stop_keeps_nobody_from_stopping() {
    let diary = Diary::default();
    let engine = engine(&diary);
    let file = modules(&[
        "a",
        "b , config: { fail: stop }",
        "c , config: { fail: destroy }",
    ]);
    apply(&engine, &file).await.unwrap();
    engine.stop().await;
    let entries = diary.entries();
    for entry in [
        "stop c",
        "stop b",
        "stop a",
        "destroy c",
        "destroy b",
        "destroy a",
    ] {
        assert!(
            entries.iter().any(|found| found == entry),
            "{entry} is missing in {entries:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_module_that_hangs_is_given_up_after_its_deadline() {
    let diary = Diary::default();
    let engine = Engine::builder()
        .lifecycle_timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    engine.load_plugin(Arc::new(tests_plugin(&diary))).unwrap();
    let began = tokio::time::Instant::now();
    let file = modules(&["a", "b , config: { hang: start }"]);
    let error = apply(&engine, &file).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::Timeout);
    assert!(
        error.to_string().contains("\"b\"") && error.to_string().contains("5s"),
        "{error}"
    );
    assert_eq!(began.elapsed(), Duration::from_secs(5));

    apply(&engine, &modules(&["a , config: { hang: stop }", "b"]))
        .await
        .unwrap();
    engine.stop().await;
    assert_eq!(diary.entries().last().unwrap(), "destroy a");
}

#[tokio::test]
async fn what_a_module_needs_and_nobody_is_says_who_needs_it() {
    let diary = Diary::default();
    let engine = engine(&diary);
    for need in ["needs", "requires"] {
        let file = modules(&[&format!("a , config: {{ {need}: [ghost] }}")]);
        let error = apply(&engine, &file).await.unwrap_err();
        assert_eq!(error.kind(), EngineErrorKind::NotFound);
        let text = error.to_string();
        assert!(
            text.contains("\"a\"") && text.contains("\"ghost\""),
            "{text}"
        );
    }
    let circle = modules(&["a , config: { needs: [b] }", "b , config: { needs: [a] }"]);
    let error = apply(&engine, &circle).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::DependencyCycle);
}

#[tokio::test]
async fn two_modules_cannot_provide_one_service() {
    let diary = Diary::default();
    let engine = engine(&diary);
    let file = modules(&[
        "a , config: { provides: [x] }",
        "b , config: { provides: [x] }",
    ]);
    let error = apply(&engine, &file).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::Duplicate);
    assert!(engine.application().services().is_empty());
}

#[tokio::test]
async fn wiring_hooks_run_between_making_and_starting() {
    let diary = Diary::default();
    let engine = Engine::builder().build().unwrap();
    let mut plugin = TestPlugin::new("wired").module("test.module", test_modules(&diary));
    for (name, priority) in [("second", 1), ("first", 9)] {
        let diary = diary.clone();
        plugin.hooks.push(WiringHook {
            name: name.to_owned(),
            priority,
            hook: Arc::new(move |application| {
                assert!(application.has_service("a"));
                diary.write(name);
                Ok(())
            }),
        });
    }
    engine.load_plugin(Arc::new(plugin)).unwrap();
    apply(&engine, &modules(&["a"])).await.unwrap();
    assert_eq!(
        diary.entries(),
        ["make a", "init a", "first", "second", "start a"]
    );
    engine.stop().await;
}

#[tokio::test]
async fn a_wiring_hook_that_panics_stops_the_start_and_nothing_else() {
    let diary = Diary::default();
    let engine = engine(&diary);
    let mut plugin = TestPlugin::new("wired");
    plugin.hooks.push(WiringHook {
        name: "bad".to_owned(),
        priority: 0,
        hook: Arc::new(|_| panic!("crossed wires")),
    });
    engine.load_plugin(Arc::new(plugin)).unwrap();
    let error = apply(&engine, &modules(&["a"])).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::Panicked);
    assert!(error.to_string().contains("\"bad\"") && error.to_string().contains("crossed wires"));
    assert_eq!(diary.entries(), ["make a", "init a", "destroy a"]);
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_no_module_without_an_owner() {
    let diary = Diary::default();
    let engine = engine(&diary);
    let file = modules(&["a", "b"]);
    {
        let starting = apply(&engine, &file);
        tokio::pin!(starting);
        // Polled once, so that the start has begun, and dropped.
        let _ = tokio::time::timeout(Duration::ZERO, &mut starting).await;
    }
    engine.stop().await;
    let entries = diary.entries();
    let count = |what: &str| {
        entries
            .iter()
            .filter(|entry| entry.starts_with(what))
            .count()
    };
    assert_eq!(count("make"), 2, "{entries:?}");
    assert_eq!(count("start"), count("stop"), "{entries:?}");
    assert_eq!(count("destroy"), 2, "{entries:?}");
}
