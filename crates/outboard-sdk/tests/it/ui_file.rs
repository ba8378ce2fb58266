//! A plugin with pages: the `ui.json` that it writes where it is installed.
//!
//! The process is this test program again, installed under the plugin's name.

use std::{
    fs,
    path::Path,
    process::{ExitCode, Stdio},
    time::Duration,
};

use outboard_contracts::workflow::{MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE};
use outboard_sdk::workflow::{Manifest, Plugin, UiManifest, UiNavItem, serve};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(30);
const PLUGIN: &str = "ui_file::the_plugin_with_pages";

/// Not a test: what the other tests start.
#[test]
fn the_plugin_with_pages() {
    if std::env::var_os("THE_PLUGIN_WITH_PAGES").is_none() {
        return;
    }
    let item = UiNavItem {
        id: "home".to_owned(),
        label: "Home".to_owned(),
        order: 3,
        ..UiNavItem::default()
    };
    let ui = UiManifest {
        version: "1.0.0".to_owned(),
        nav_items: vec![item],
        ..UiManifest::default()
    };
    let code = serve(Plugin::new(Manifest::new("screen", "1.0.0")).ui(ui));
    assert_eq!(code, ExitCode::SUCCESS);
}

/// A plugin's directory.
fn installed(name: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let copy = directory.path().join("screen");
    fs::hard_link(&program, &copy)
        .or_else(|_| fs::copy(&program, &copy).map(drop))
        .unwrap();
    let manifest =
        format!(r#"{{"name":"{name}","version":"1.0.0","author":"A","description":"D"}}"#);
    fs::write(directory.path().join("plugin.json"), manifest).unwrap();
    directory
}

/// Starts the plugin, waits for its handshake and ends it.
async fn run(program: &Path, directory: &Path, cookie: bool) {
    let mut command = Command::new(program);
    command
        .args([PLUGIN, "--exact", "--nocapture"])
        .current_dir(directory)
        .env("THE_PLUGIN_WITH_PAGES", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    if cookie {
        command.env(MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE);
    }
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    if cookie {
        let handshake = async {
            while let Some(line) = stdout.next_line().await.unwrap() {
                if line.starts_with("1|1|") {
                    return;
                }
            }
            panic!("no handshake");
        };
        timeout(PATIENCE, handshake).await.unwrap();
        child.start_kill().unwrap();
    }
    timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
}

#[tokio::test]
async fn pages_are_declared_where_the_plugin_is_installed_and_not_where_it_was_started() {
    let (plugin, elsewhere) = (installed("screen"), tempfile::tempdir().unwrap());
    // As a host of Go starts it: in the host's own directory.
    run(&plugin.path().join("screen"), elsewhere.path(), true).await;
    let written = fs::read_to_string(plugin.path().join("ui.json")).unwrap();
    let expected = "{\n  \"name\": \"screen\",\n  \"version\": \"1.0.0\",\n  \"navItems\": [\n    {\n      \
                    \"id\": \"home\",\n      \"label\": \"Home\",\n      \"order\": 3\n    }\n  ],\n  \
                    \"assetDir\": \"assets\"\n}";
    assert_eq!(written, expected);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    // What somebody changed stays.
    fs::write(plugin.path().join("ui.json"), "{}").unwrap();
    run(&plugin.path().join("screen"), plugin.path(), true).await;
    let kept = fs::read_to_string(plugin.path().join("ui.json")).unwrap();
    assert_eq!(kept, "{}");
}

#[tokio::test]
async fn a_program_that_runs_elsewhere_declares_its_pages_where_it_was_started() {
    let (plugin, copy) = (installed("screen"), installed("other"));
    // A host that starts a checked copy of the program in the plugin's directory.
    run(&copy.path().join("screen"), plugin.path(), true).await;
    assert!(plugin.path().join("ui.json").is_file());
    assert!(!copy.path().join("ui.json").exists());
}

#[tokio::test]
async fn a_directory_that_is_not_the_plugins_gets_no_file() {
    let (other, elsewhere) = (installed("other"), tempfile::tempdir().unwrap());
    run(&other.path().join("screen"), elsewhere.path(), true).await;
    assert!(!other.path().join("ui.json").exists());
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    // Nor does one who starts it by hand get any.
    let plugin = installed("screen");
    run(&plugin.path().join("screen"), plugin.path(), false).await;
    assert!(!plugin.path().join("ui.json").exists());
}
