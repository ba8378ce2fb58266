//! Crashes, restarts and reloads: the process changes, what uses it goes on.

use std::{fs, time::Duration};

use outboard_go_plugin::host::{ExitCause, PluginEventKind, RestartPolicy};
use outboard_workflow::{
    engine::{Application, EngineErrorKind, EnginePlugin as _, NativePlugin as _, PluginFailure},
    external::{ManagerErrorKind, PluginState},
};
use serde_json::json;

use super::support::{Plugins, diary, execute, execute_within, exists, map, step, wait_for};

#[tokio::test]
async fn a_crash_fails_the_call_with_its_cause_and_what_was_there_comes_back() {
    let plugins = Plugins::with_diary();
    let manager = plugins.manager();
    let mut events = manager.events();
    let adapter = manager.load_plugin("diary").await.unwrap();
    let path = plugins.path("book.txt");
    let config = map(json!({ "path": path }));
    let module = adapter.module_factories()["diary.book"]
        .create("m", config)
        .await
        .unwrap();
    module.init(&Application::default()).await.unwrap();
    module.start().await.unwrap();
    let echo = step(&adapter, "step.echo", map(json!({}))).await;
    let exit = step(&adapter, "step.exit", map(json!({}))).await;
    let first = manager.status("diary").unwrap().pid.unwrap();

    let error = execute(&exit, &map(json!({}))).await.unwrap_err();
    assert_eq!(
        error.kind(),
        EngineErrorKind::Plugin(PluginFailure::Unavailable)
    );
    for words in ["diary", "execute step", "exit status 9", "the pen broke"] {
        assert!(error.to_string().contains(words), "{words}: {error}");
    }

    // The next call waits for the new process.
    let result = execute(&echo, &map(json!({}))).await.unwrap();
    let second = manager.status("diary").unwrap().pid.unwrap();
    assert_ne!(first, second);
    assert_eq!(result.output["pid"], json!(second));
    let status = manager.status("diary").unwrap();
    assert_eq!((status.state, status.restarts), (PluginState::Ready, 1));
    assert_eq!(status.last_exit.unwrap().cause, ExitCause::Code(9));

    let of_second: Vec<_> = diary(&path)
        .into_iter()
        .filter(|(pid, _)| *pid == second)
        .collect();
    let lines: Vec<_> = of_second.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(lines, ["m created", "m initialized", "m started"]);
    module
        .invoke_service("note", map(json!({ "text": "back" })))
        .await
        .unwrap();

    let mut kinds = Vec::new();
    while kinds.len() < 6 {
        kinds.push(match events.next().await.unwrap().unwrap().kind {
            PluginEventKind::Starting => "starting",
            PluginEventKind::Ready { .. } => "ready",
            PluginEventKind::Crashed(_) => "crashed",
            PluginEventKind::Restarting { attempt: 1, .. } => "restarting",
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(
        kinds,
        [
            "starting",
            "ready",
            "crashed",
            "restarting",
            "starting",
            "ready"
        ]
    );
    manager.shutdown().await;
}

#[tokio::test]
async fn a_plugin_killed_from_outside_is_seen_as_crashed() {
    let plugins = Plugins::with_diary();
    let policy = RestartPolicy {
        max_restarts: 0,
        ..RestartPolicy::default()
    };
    let manager = plugins.builder().restart_policy(policy).build();
    let adapter = manager.load_plugin("diary").await.unwrap();
    let echo = step(&adapter, "step.echo", map(json!({}))).await;
    let pid = manager.status("diary").unwrap().pid.unwrap();
    let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    wait_for("the crash to be seen", || !manager.is_loaded("diary")).await;
    let status = manager.status("diary").unwrap();
    let PluginState::Failed { reason } = status.state else {
        panic!("{status:?}")
    };
    assert!(reason.contains("SIGKILL"), "{reason}");
    let error = execute(&echo, &map(json!({}))).await.unwrap_err();
    assert!(error.to_string().contains("SIGKILL"), "{error}");
    // Loading it again needs no unload first.
    manager.load_plugin("diary").await.unwrap();
    assert_eq!(manager.status("diary").unwrap().state, PluginState::Ready);
    execute(&echo, &map(json!({})))
        .await
        .expect("what was there works again");
    manager.shutdown().await;
}

#[tokio::test]
async fn a_plugin_that_keeps_crashing_is_given_up() {
    let plugins = Plugins::with_diary();
    let policy = RestartPolicy {
        max_restarts: 2,
        first_delay: Duration::from_millis(1),
        ..RestartPolicy::default()
    };
    let manager = plugins.builder().restart_policy(policy).build();
    let mut events = manager.events();
    let adapter = manager.load_plugin("diary").await.unwrap();
    let exit = step(&adapter, "step.exit", map(json!({}))).await;
    let mut calls = 0;
    while manager.is_loaded("diary") {
        let _ = execute(&exit, &map(json!({}))).await;
        calls += 1;
        assert!(calls < 20);
    }
    let reason = loop {
        if let PluginEventKind::Failed { reason } = events.next().await.unwrap().unwrap().kind {
            break reason;
        }
    };
    assert!(reason.contains("given up after 2 restarts"), "{reason}");
    manager
        .unload_plugin("diary")
        .await
        .expect("a failed plugin can be unloaded");
}

#[tokio::test]
async fn a_reload_moves_modules_over_and_ends_the_old_process() {
    let plugins = Plugins::with_diary();
    let manager = plugins.manager();
    let adapter = manager.load_plugin("diary").await.unwrap();
    let path = plugins.path("book.txt");
    let config = map(json!({ "path": path }));
    let module = adapter.module_factories()["diary.book"]
        .create("m", config)
        .await
        .unwrap();
    module.init(&Application::default()).await.unwrap();
    module.start().await.unwrap();
    let echo = step(&adapter, "step.echo", map(json!({}))).await;
    let old = manager.status("diary").unwrap().pid.unwrap();

    fs::write(plugins.path("diary").join("version.txt"), "2.0.0").unwrap();
    let reloaded = manager.reload_plugin("diary").await.unwrap();
    let new = manager.status("diary").unwrap().pid.unwrap();
    assert_eq!(reloaded.version(), "2.0.0");
    assert!(!exists(old) && exists(new));
    let lines = diary(&path);
    let of = |wanted: u32| -> Vec<&str> {
        lines
            .iter()
            .filter(|(pid, _)| *pid == wanted)
            .map(|(_, line)| line.as_str())
            .collect()
    };
    assert_eq!(of(new), ["m created", "m initialized", "m started"]);
    assert_eq!(of(old)[3..], ["m stopped", "m destroyed"]);
    let started = lines
        .iter()
        .position(|line| *line == (new, "m started".to_owned()));
    let stopped = lines
        .iter()
        .position(|line| *line == (old, "m stopped".to_owned()));
    assert!(
        started < stopped,
        "the new one starts before the old one stops"
    );
    let result = execute(&echo, &map(json!({}))).await.unwrap();
    assert_eq!(result.output["pid"], json!(new));
    manager.shutdown().await;
}

#[tokio::test]
async fn a_failed_reload_keeps_the_old_process_serving() {
    let plugins = Plugins::with_diary();
    let manager = plugins.manager();
    let adapter = manager.load_plugin("diary").await.unwrap();
    let path = plugins.path("book.txt");
    let config = map(json!({ "path": path }));
    let module = adapter.module_factories()["diary.book"]
        .create("m", config)
        .await
        .unwrap();
    let echo = step(&adapter, "step.echo", map(json!({}))).await;
    let old = manager.status("diary").unwrap().pid.unwrap();
    let still_serves = async || {
        let result = execute(&echo, &map(json!({}))).await.unwrap();
        assert_eq!(result.output["pid"], json!(old));
        module
            .invoke_service("note", map(json!({ "text": "here" })))
            .await
            .unwrap();
        assert_eq!(manager.status("diary").unwrap().state, PluginState::Ready);
    };

    let manifest = fs::read_to_string(plugins.path("diary").join("plugin.json")).unwrap();
    plugins.manifest("diary", "{");
    let kind = manager.reload_plugin("diary").await.unwrap_err().kind();
    assert_eq!(kind, ManagerErrorKind::Manifest);
    still_serves().await;
    plugins.manifest("diary", &manifest);

    let program = plugins.path("diary").join("diary");
    fs::rename(&program, plugins.path("kept")).unwrap();
    fs::write(&program, "garbage").unwrap();
    let kind = manager.reload_plugin("diary").await.unwrap_err().kind();
    assert_eq!(kind, ManagerErrorKind::Binary);
    still_serves().await;
    fs::rename(plugins.path("kept"), &program).unwrap();

    // The new process starts, and cannot take over what is in use.
    fs::write(plugins.path("diary").join("refuse-modules"), "").unwrap();
    let error = manager.reload_plugin("diary").await.unwrap_err();
    assert_eq!(error.kind(), ManagerErrorKind::Misbehaved);
    assert!(error.to_string().contains("no more paper"), "{error}");
    still_serves().await;
    fs::remove_file(plugins.path("diary").join("refuse-modules")).unwrap();

    manager.reload_plugin("diary").await.unwrap();
    assert!(!exists(old));
    manager.shutdown().await;
}

#[tokio::test]
async fn a_reload_lets_running_calls_finish_on_the_old_process() {
    let plugins = Plugins::with_diary();
    let manager = plugins.manager();
    let adapter = manager.load_plugin("diary").await.unwrap();
    let old = manager.status("diary").unwrap().pid.unwrap();
    let started = plugins.path("started");
    let config = map(json!({ "ms": 300, "started": started }));
    let sleeper = step(&adapter, "step.sleep", config.clone()).await;
    let call = tokio::spawn(async move { execute(&sleeper, &config).await });
    wait_for("the call", || started.exists()).await;
    manager.reload_plugin("diary").await.unwrap();
    let result = call.await.unwrap().expect("the call that was running");
    assert_eq!(result.output["pid"], json!(old));
    manager.shutdown().await;
}

#[tokio::test]
async fn reloading_what_is_not_loaded_loads_it() {
    let plugins = Plugins::with_diary();
    let manager = plugins.manager();
    manager.reload_plugin("diary").await.unwrap();
    assert!(manager.is_loaded("diary"));
    manager.shutdown().await;
}

#[tokio::test]
async fn unloading_while_it_restarts_ends_the_restarting() {
    let plugins = Plugins::with_diary();
    let policy = RestartPolicy {
        first_delay: Duration::from_secs(600),
        ..RestartPolicy::default()
    };
    let manager = plugins.builder().restart_policy(policy).build();
    let adapter = manager.load_plugin("diary").await.unwrap();
    let exit = step(&adapter, "step.exit", map(json!({}))).await;
    let _ = execute(&exit, &map(json!({}))).await;
    wait_for("the restart to begin", || {
        let status = manager.status("diary").unwrap();
        status.state == PluginState::Restarting { attempt: 1 }
    })
    .await;
    manager.unload_plugin("diary").await.unwrap();
    assert!(manager.status("diary").is_none());
}

#[tokio::test]
async fn dropping_a_call_cancels_it_and_the_plugin_goes_on() {
    let plugins = Plugins::with_diary();
    let manager = plugins.manager();
    let adapter = manager.load_plugin("diary").await.unwrap();
    let started = plugins.path("started");
    let config = map(json!({ "ms": 600_000, "started": started }));
    let sleeper = step(&adapter, "step.sleep", config.clone()).await;
    let call = tokio::spawn(async move { execute(&sleeper, &config).await });
    wait_for("the call", || started.exists()).await;
    assert_eq!(manager.status("diary").unwrap().calls, 1);
    call.abort();
    wait_for("the call to end", || {
        manager.status("diary").unwrap().calls == 0
    })
    .await;
    // Nothing runs any more that a shutdown would have to wait for.
    let before = tokio::time::Instant::now();
    manager.shutdown().await;
    assert!(
        before.elapsed() < Duration::from_secs(1),
        "{:?}",
        before.elapsed()
    );
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_a_timeout() {
    let plugins = Plugins::with_diary();
    let manager = plugins.manager();
    let adapter = manager.load_plugin("diary").await.unwrap();
    let config = map(json!({ "ms": 600_000, "started": plugins.path("started") }));
    let sleeper = step(&adapter, "step.sleep", config.clone()).await;
    let limit = Duration::from_millis(100);
    let error = execute_within(&sleeper, &config, limit).await.unwrap_err();
    assert_eq!(
        error.kind(),
        EngineErrorKind::Plugin(PluginFailure::Timeout)
    );
    manager.shutdown().await;
}
