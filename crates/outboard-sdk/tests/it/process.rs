//! A plugin as a process of its own: the handshake, the logs and the end.
//!
//! The process is this test program again, told to run one test. Its harness
//! prints to standard output before the plugin serves, which is the very thing
//! that must not break a handshake.

use std::{
    process::{ExitCode, Stdio},
    time::Duration,
};

use outboard_contracts::workflow::{
    MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE,
    proto::{self, plugin_service_client::PluginServiceClient},
};
use outboard_go_plugin::{handshake::HandshakeLine, transport::Channel};
use outboard_sdk::{
    Error, Map, async_trait, tracing,
    workflow::{Manifest, ModuleInstance, Plugin, ServiceInvoker, serve},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(30);
const PLUGIN: &str = "process::the_plugin_in_its_own_process";

struct Lamp;

#[async_trait]
impl ModuleInstance for Lamp {
    async fn stop(&self) -> Result<(), Error> {
        tracing::warn!(lamp = 7, "the lamp is out");
        Ok(())
    }

    fn service(&self) -> Option<&dyn ServiceInvoker> {
        Some(self)
    }
}

#[async_trait]
impl ServiceInvoker for Lamp {
    async fn invoke(&self, _: &str, args: Map) -> Result<Map, Error> {
        println!("a stray line");
        tracing::info!("asked");
        Ok(args)
    }
}

ctor::declarative::ctor! {
    /// A dependency that prints when the program is loaded, long before `main`.
    #[ctor(unsafe)]
    fn print_at_load_time() {
        if std::env::var_os(MAGIC_COOKIE_KEY).is_some() {
            println!("a stray line at load time");
        }
    }
}

/// Not a test: what the other tests start.
#[test]
fn the_plugin_in_its_own_process() {
    if std::env::var_os(MAGIC_COOKIE_KEY).is_none() {
        return;
    }
    println!("a stray line before the handshake");
    let manifest = Manifest::new("lamp", "1.0.0");
    let code = serve(Plugin::new(manifest).module("lamp", |_, _| Ok(Lamp)));
    assert_eq!(code, ExitCode::SUCCESS);
}

struct Started {
    child: Child,
    first_line: String,
    /// Open, and read no further. With both pipes closed the host would be gone.
    _stdout: BufReader<ChildStdout>,
}

/// Starts the plugin and waits for the first line on its standard output.
async fn start(stderr: Stdio) -> Started {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([PLUGIN, "--exact", "--nocapture"])
        .env(MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE)
        .stdout(Stdio::piped())
        .stderr(stderr)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut first_line = String::new();
    timeout(PATIENCE, stdout.read_line(&mut first_line))
        .await
        .unwrap()
        .unwrap();
    Started {
        child,
        first_line,
        _stdout: stdout,
    }
}

async fn client(line: &str) -> PluginServiceClient<Channel> {
    let line = HandshakeLine::parse(line.trim_end()).unwrap();
    PluginServiceClient::new(Channel::connect(line.address).await.unwrap())
}

async fn started_module(client: &mut PluginServiceClient<Channel>) -> String {
    let create = proto::CreateModuleRequest {
        r#type: "lamp".into(),
        ..Default::default()
    };
    let handle_id = client
        .create_module(create)
        .await
        .unwrap()
        .into_inner()
        .handle_id;
    let handle = proto::HandleRequest {
        handle_id: handle_id.clone(),
    };
    client.init_module(handle.clone()).await.unwrap();
    client.start_module(handle).await.unwrap();
    handle_id
}

fn terminate(child: &Child) {
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
}

#[tokio::test]
async fn the_first_line_is_the_handshake_whatever_was_printed_before() {
    let started = start(Stdio::null()).await;
    assert!(
        started.first_line.starts_with("1|1|unix|"),
        "{:?}",
        started.first_line
    );
    let manifest = client(&started.first_line)
        .await
        .get_manifest(())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(manifest.name, "lamp");
}

#[tokio::test]
async fn when_it_is_told_to_end_it_stops_its_modules_and_exits_with_success() {
    let mut started = start(Stdio::piped()).await;
    started_module(&mut client(&started.first_line).await).await;
    let mut stderr = started.child.stderr.take().unwrap();
    terminate(&started.child);
    let status = timeout(PATIENCE, started.child.wait())
        .await
        .unwrap()
        .unwrap();
    assert!(status.success(), "{status}");

    let mut log = String::new();
    timeout(PATIENCE, stderr.read_to_string(&mut log))
        .await
        .unwrap()
        .unwrap();
    let line = log
        .lines()
        .find(|line| line.contains("the lamp is out"))
        .unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&line["@level"], &line["lamp"]),
        (&"warn".into(), &7.into())
    );
}

#[tokio::test]
async fn it_lives_on_when_nobody_reads_its_log_or_its_output() {
    let mut started = start(Stdio::piped()).await;
    drop(started.child.stderr.take());
    let mut client = client(&started.first_line).await;
    let handle_id = started_module(&mut client).await;
    for _ in 0..10 {
        let invoke = proto::InvokeServiceRequest {
            handle_id: handle_id.clone(),
            ..Default::default()
        };
        let answer = client.invoke_service(invoke).await.unwrap().into_inner();
        assert_eq!(answer.error, "");
    }
    assert!(started.child.try_wait().unwrap().is_none(), "still alive");
}

#[tokio::test]
async fn started_by_hand_it_says_what_it_is_and_fails() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([PLUGIN, "--exact", "--nocapture"])
        .env(MAGIC_COOKIE_KEY, "something else")
        .output()
        .await
        .unwrap();
    assert!(!output.status.success());
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("This program is a plugin"), "{log}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        printed.contains("a stray line at load time")
            && printed.contains("a stray line before the handshake"),
        "standard output was left alone: {printed}"
    );
}
