//! Several processes: this test program starts itself.

use std::{
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::Path,
    process::{Command, Output, Stdio},
};

use outboard_connector::{
    secrets::{SecretKey, Secrets},
    state::{
        State,
        instances::{By, NewInstance},
    },
};
use serde_json::json;

use super::{Home, field, module, secret};

const PATH: &str = "OUTBOARD_TEST_STATE_PATH";
const KEY: &str = "OUTBOARD_TEST_STATE_KEY";
const NAME: &str = "OUTBOARD_TEST_STATE_NAME";

/// How many instances each process makes.
const EACH: usize = 25;

fn child(test: &str, path: &Path, key: &Path, name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--ignored", "--nocapture"])
        .arg(format!("state::processes::{test}"))
        .env(PATH, path)
        .env(KEY, key)
        .env(NAME, name)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
#[ignore = "a part of the test below"]
fn a_process_that_writes() {
    let Some(path) = std::env::var_os(PATH) else {
        return;
    };
    let key = std::env::var_os(KEY).unwrap();
    let secrets = Secrets::load_or_create(Path::new(&key)).unwrap();
    let state = State::open(Path::new(&path), secrets).unwrap();
    let name = std::env::var(NAME).unwrap();
    let module = module(vec![field("url"), secret("token")]);
    for number in 0..EACH {
        let new = NewInstance {
            connector: "github",
            name: &format!("{name} {number}"),
            owner: "",
        };
        let input = json!({ "url": "https://x", "token": "hunter2hunter2" });
        state
            .create_instance(&new, &module, &input, By::User)
            .unwrap();
        state.set_enabled(&name, number % 2 == 1).unwrap();
    }
    state.set_enabled(&name, false).unwrap();
}

#[test]
fn processes_that_make_and_fill_one_database_at_once_lose_nothing() {
    let home = Home::new();
    let key = home.directory.path().join("keys/secret.key");
    let children: Vec<_> = ["one", "two", "three", "four"]
        .map(|name| {
            child("a_process_that_writes", &home.path(), &key, name)
                .spawn()
                .unwrap()
        })
        .into_iter()
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
    let secrets = Secrets::load_or_create(&key).unwrap();
    let state = State::open(&home.path(), secrets).unwrap();
    let instances = state.instances(None).unwrap();
    assert_eq!(instances.len(), 4 * EACH);
    assert_eq!(state.disabled().unwrap().len(), 4);
    let module = module(vec![field("url"), secret("token")]);
    for instance in instances {
        let credentials = state.credentials(&instance, &module, &super::nothing);
        assert_eq!(credentials.unwrap().values()["token"], "hunter2hunter2");
    }
}

#[test]
#[ignore = "a part of the test below"]
fn a_process_that_may_not_write() {
    let Some(path) = std::env::var_os(PATH) else {
        return;
    };
    let secrets = Secrets::new(SecretKey::generate().unwrap());
    match State::open(Path::new(&path), secrets) {
        Ok(_) => println!("opened"),
        Err(error) => println!(
            "kind {}",
            match error {
                outboard_connector::state::StateError::NotWritable { .. } => "NotWritable",
                _ => "other",
            }
        ),
    }
}

#[test]
fn a_directory_that_is_read_only_is_named() {
    let home = Home::new();
    let state = home.open();
    state.set_enabled("github", false).unwrap();
    drop(state);
    let directory = home.directory.path();
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(&home.path(), 0o444);
    mode(directory, 0o555);
    // There for reading, and not there at all.
    for name in ["outboard.db", "other.db"] {
        let run = |program: &Path| {
            let mut command = Command::new(program);
            command
                .args(["--exact", "--ignored", "--nocapture"])
                .arg("state::processes::a_process_that_may_not_write")
                .env(PATH, directory.join(name));
            // Permissions do not bind root.
            if rustix::process::geteuid().is_root() {
                command.uid(65534).gid(65534);
            }
            command.output()
        };
        let program = std::env::current_exe().unwrap();
        let output = run(&program).or_else(|_| {
            // Built where only root may look.
            let copy = tempfile::tempdir()?;
            mode(copy.path(), 0o755);
            let program = copy.path().join("it");
            std::fs::copy(std::env::current_exe()?, &program)?;
            run(&program)
        });
        let output = output.unwrap();
        assert!(
            text(&output).contains("kind NotWritable"),
            "{}",
            text(&output)
        );
    }
    mode(directory, 0o755);
    assert_eq!(super::files(directory), [home.path()]);
}
