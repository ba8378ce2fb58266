//! `outboard serve`, and commands that go through it.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    time::Instant,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::{DEADLINE, Home, Serving};

fn server_file(home: &Home) -> Value {
    serde_json::from_slice(&fs::read(home.data().join("server.json")).unwrap()).unwrap()
}

fn status(url: &str, token: Option<&str>) -> u16 {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(DEADLINE))
        .build();
    let mut request = ureq::Agent::from(config).get(url);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.call().unwrap().status().as_u16()
}

#[test]
fn a_server_is_found_by_its_file_and_leaves_nothing_when_it_stops() {
    let home = Home::new();
    home.store_plugin();
    let server = Serving::start(&home, &[]);
    let path = home.data().join("server.json");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let file = server_file(&home);
    assert_eq!(file["pid"], server.pid());
    assert_eq!(server.ready["pid"], server.pid());
    assert_eq!(
        server.url,
        format!("http://{}", file["address"].as_str().unwrap())
    );
    let token = file["token"].as_str().unwrap();
    let listed = format!("{}/api/v1/plugins/external", server.url);
    assert_eq!(status(&listed, Some(token)), 200);
    assert_eq!(status(&listed, None), 401);
    assert_eq!(status(&listed, Some("wrong")), 401);
    assert_eq!(status(&format!("{}/healthz", server.url), None), 200);

    home.run(&["plugin", "load", "store-plugin"]).exits(0);
    let list = home.run(&["plugin", "list", "--json"]).exits(0).json();
    assert_eq!(list[0]["name"], "store-plugin");
    assert_eq!(list[0]["loaded"], true);
    assert_eq!(list[0]["state"], "ready");
    let table = home.run(&["plugin", "list"]).exits(0);
    assert!(table.stdout.contains("ready"), "{table:?}");
    assert_eq!(home.processes().len(), 1);

    assert_eq!(server.terminate().code(), Some(0));
    assert!(!path.exists());
    assert!(home.processes().is_empty(), "{:?}", home.processes());
    let list = home.run(&["plugin", "list", "--json"]).exits(0).json();
    assert_eq!(list[0]["loaded"], false);
}

#[test]
fn whoever_asks_twice_does_not_wait_for_what_runs_and_nothing_is_left() {
    let home = Home::new();
    home.store_plugin();
    let server = Serving::start(&home, &[]);
    home.run(&["plugin", "load", "store-plugin"]).exits(0);
    assert_eq!(home.processes().len(), 1);
    // A request whose body never comes: it has the whole drain time.
    let address = server_file(&home)["address"].as_str().unwrap().to_owned();
    let token = server_file(&home)["token"].as_str().unwrap().to_owned();
    let mut request = TcpStream::connect(&address).unwrap();
    let head = format!(
        "POST /api/v1/pipelines/x/run HTTP/1.1\r\nHost: {address}\r\n\
         Authorization: Bearer {token}\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
    );
    request.write_all(head.as_bytes()).unwrap();
    // The server asks for the body, so the request is being worked on.
    let mut answer = [0; 12];
    request.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");

    server.ask_to_stop();
    let until = Instant::now() + DEADLINE;
    let ready = format!("{}/readyz", server.url);
    while status(&ready, Some(&token)) == 200 {
        assert!(Instant::now() < until, "it takes new work");
    }
    assert_eq!(status(&ready, Some(&token)), 503);
    assert!(home.data().join("server.json").exists(), "it did not wait");
    assert_eq!(server.terminate().code(), Some(1));
    assert!(!home.data().join("server.json").exists());
    let until = Instant::now() + DEADLINE;
    while !home.processes().is_empty() {
        assert!(
            Instant::now() < until,
            "left behind: {:?}",
            home.processes()
        );
    }
}

#[test]
fn a_second_server_on_the_same_data_directory_is_refused() {
    let home = Home::new();
    let first = Serving::start(&home, &[]);
    let before = server_file(&home);
    let ran = home.run(&["serve", "--addr", "127.0.0.1:0"]).exits(1);
    assert!(ran.stderr.contains("a server runs on"), "{ran:?}");
    assert!(ran.stderr.contains("--data-dir"), "{ran:?}");
    let ran = home
        .run(&["serve", "--addr", "127.0.0.1:0", "--json"])
        .exits(1);
    assert_eq!(ran.json()["error"]["kind"], "already_running");
    assert_eq!(server_file(&home), before, "the first one's file stays");
    assert_eq!(first.terminate().code(), Some(0));
    // The lock goes with the server.
    let next = Serving::start(&home, &[]);
    assert_ne!(server_file(&home)["token"], before["token"]);
    assert_eq!(next.terminate().code(), Some(0));
}

#[test]
fn a_server_that_was_killed_keeps_no_other_from_starting() {
    let home = Home::new();
    drop(Serving::start(&home, &[]));
    assert!(home.data().join("server.json").exists());
    let ran = home.run(&["plugin", "load", "nobody", "--json"]).exits(1);
    assert_eq!(ran.json()["error"]["kind"], "no_server");
    assert_eq!(Serving::start(&home, &[]).terminate().code(), Some(0));
}

#[test]
fn an_address_beyond_this_machine_is_refused_by_policy() {
    let home = Home::new();
    let ran = home.run(&["serve", "--addr", "0.0.0.0:0"]).exits(4);
    assert!(ran.stderr.contains("--allow-remote"), "{ran:?}");
    let dev = [
        "serve",
        "--addr",
        "0.0.0.0:0",
        "--dev",
        "--allow-remote",
        "--json",
    ];
    let ran = home.run(&dev).exits(4);
    assert_eq!(ran.json()["error"]["kind"], "not_loopback");
    assert!(!home.data().join("server.json").exists());
}

#[test]
fn development_mode_asks_for_no_token_and_still_looks_at_the_host() {
    let home = Home::new();
    let server = Serving::start(&home, &["--dev"]);
    assert!(server_file(&home).get("token").is_none());
    let url = format!("{}/api/v1/runs", server.url);
    assert_eq!(status(&url, None), 200);
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .build();
    let agent = ureq::Agent::from(config);
    let foreign = agent.get(&url).header("origin", "http://evil.example");
    assert_eq!(foreign.call().unwrap().status().as_u16(), 403);
    home.run(&["plugin", "list"]).exits(0);
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn a_plugin_goes_through_its_whole_life_over_the_command_line() {
    let home = Home::new();
    home.store_plugin();
    home.script("baker", "echo hello world; exit 3");
    let server = Serving::start(&home, &[]);
    let act = |action: &str, name: &str| home.run(&["plugin", action, name, "--json"]);
    let done = |action: &str| json!({ "action": action, "name": "store-plugin" });
    assert_eq!(act("load", "store-plugin").exits(0).json(), done("loaded"));
    act("load", "store-plugin").exits(1);
    let before = act("show", "store-plugin").exits(0).json();
    assert_eq!(before["state"], "ready");
    assert_eq!(
        act("reload", "store-plugin").exits(0).json(),
        done("reloaded")
    );
    let after = act("show", "store-plugin").exits(0).json();
    assert_ne!(before["pid"], after["pid"], "another process");
    act("logs", "store-plugin").exits(0);
    assert_eq!(
        act("unload", "store-plugin").exits(0).json(),
        done("unloaded")
    );
    act("unload", "store-plugin").exits(1);
    assert!(home.processes().is_empty());
    let ran = home.run(&["plugin", "show", "nobody"]).exits(3);
    assert!(ran.stderr.contains("`outboard plugin list`"), "{ran:?}");
    let ran = home.run(&["plugin", "logs", "-f", "nobody"]).exits(3);
    assert!(ran.stderr.contains("`outboard plugin list`"), "{ran:?}");
    // Not there, and there but no plugin.
    act("load", "nobody").exits(3);
    act("show", "nobody").exits(3);
    let ran = act("load", "baker").exits(1);
    assert!(
        ran.json()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("baker"),
        "{ran:?}"
    );
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn a_workflow_file_with_a_problem_keeps_the_server_from_starting() {
    let home = Home::new();
    home.write(
        "bad.yaml",
        "pipelines:\n  a:\n    steps: [{ name: x, type: step.none }]\n",
    );
    let serve = ["serve", "--addr", "127.0.0.1:0", "--workflow", "bad.yaml"];
    let ran = home.run(&serve).exits(1);
    assert!(ran.stderr.contains("bad.yaml:3:"), "{ran:?}");
    assert!(!home.data().join("server.json").exists());
}

#[test]
fn a_server_runs_the_pipelines_of_its_workflow_file() {
    let home = Home::new();
    home.write(
        "greet.yaml",
        "pipelines:\n  greet:\n    steps: [{ name: say, type: step.log, config: { message: hi } }]\n\
         triggers:\n  - { type: http, path: /greet, method: GET, pipeline: greet }\n",
    );
    let server = Serving::start(&home, &["--workflow", "greet.yaml"]);
    let token = server_file(&home)["token"].as_str().unwrap().to_owned();
    let greet = format!("{}/greet", server.url);
    assert_eq!(status(&greet, None), 401);
    assert_eq!(status(&greet, Some(&token)), 200);
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn a_plugins_trigger_starts_a_pipeline_of_the_server() {
    let home = Home::new();
    home.store_plugin();
    home.write(
        "watch.yaml",
        "pipelines:\n  restock:\n    steps: [{ name: read, type: step.read_json, config: { path: '{{ trigger.path }}' } }]\n\
         triggers:\n  - { type: file.changed, name: orders, pipeline: restock, config: { path: orders.json, every_ms: 10 } }\n",
    );
    let server = Serving::start(&home, &["--workflow", "watch.yaml"]);
    let shown = home.run(&["plugin", "show", "store-plugin"]).exits(0);
    assert!(
        shown.stdout.contains("transport     mutual_tls"),
        "{shown:?}"
    );
    assert!(shown.stdout.contains("callbacks     true"), "{shown:?}");
    // Beside the workflow file, which is what its paths are relative to.
    let next = home.write("next.json", "[1, 2]");
    fs::rename(next, home.path("orders.json")).unwrap();
    let token = server_file(&home)["token"].as_str().unwrap().to_owned();
    let begun = Instant::now();
    let run = loop {
        let mut answer = ureq::get(format!("{}/api/v1/runs", server.url))
            .header("authorization", format!("Bearer {token}"))
            .call()
            .unwrap();
        let answer: Value = answer.body_mut().read_json().unwrap();
        let first = &answer["items"][0];
        if first["status"] == "succeeded" {
            break first.clone();
        }
        assert!(begun.elapsed() < DEADLINE, "{answer}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    assert_eq!(run["trigger"], "file.changed", "{run}");
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn a_further_name_of_the_server_is_a_setting() {
    let home = Home::new();
    let asked = |name: &str| {
        let server = Serving::start(&home, &["--dev"]);
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(crate::support::DEADLINE))
            .build();
        let request = ureq::Agent::from(config)
            .get(format!("{}/api/v1/runs", server.url))
            .header("host", name);
        let status = request.call().unwrap().status().as_u16();
        assert_eq!(server.terminate().code(), Some(0));
        status
    };
    assert_eq!(asked("box.example"), 403);
    home.write("outboard.toml", "hosts = 'box.example, other.example'");
    assert_eq!(asked("box.example"), 200);
    assert_eq!(asked("evil.example"), 403);
}

#[test]
fn a_server_whose_plugin_is_slow_to_start_is_alive_and_can_be_asked_and_stopped() {
    let home = Home::new();
    home.script("slow", "echo waiting for a friend >&2; exec sleep 1000");
    home.write(
        "slow.yaml",
        "pipelines:\n  a:\n    steps: [{ name: x, type: step.slow }]\n",
    );
    let serve = ["serve", "--addr", "127.0.0.1:0", "--workflow", "slow.yaml"];
    let server = home.command(&serve).spawn().unwrap();
    let until = Instant::now() + DEADLINE;
    while !home.data().join("server.json").exists() {
        assert!(Instant::now() < until, "no server");
    }
    let file = server_file(&home);
    let url = format!("http://{}", file["address"].as_str().unwrap());
    let token = file["token"].as_str();
    assert_eq!(status(&format!("{url}/healthz"), None), 200);
    assert_eq!(status(&format!("{url}/readyz"), token), 503);
    while !home
        .run(&["plugin", "logs", "slow"])
        .stdout
        .contains("waiting for a friend")
    {
        assert!(Instant::now() < until, "what it said is not shown");
    }
    let pid = Pid::from_child(&server);
    kill_process(pid, Signal::TERM).unwrap();
    let ran = crate::support::finish(server, "").exits(0);
    assert!(
        !ran.stdout.contains("listening"),
        "it was never ready: {ran:?}"
    );
    assert!(!home.data().join("server.json").exists());
}

#[test]
fn how_many_requests_are_worked_on_at_once_is_a_setting_with_limits() {
    let home = Home::new();
    let serve = ["serve", "--addr", "127.0.0.1:0"];
    for wrong in ["0", "-1", "many", "65537"] {
        home.write("outboard.toml", &format!("max_requests = '{wrong}'"));
        let ran = home.run(&serve).exits(2);
        assert!(ran.stderr.contains("a number from 1 to 65536"), "{ran:?}");
    }
    home.write("outboard.toml", "max_requests = 3");
    let ran = home.run(&["config", "show", "max_requests"]).exits(0);
    assert_eq!(ran.stdout, "3\n");
    assert_eq!(Serving::start(&home, &[]).terminate().code(), Some(0));
}
