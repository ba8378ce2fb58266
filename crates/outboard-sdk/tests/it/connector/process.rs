//! A connector as a process of its own: what it prints, its handshake and its end.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use outboard_contracts::connector::{
    MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE, Manifest, PROTO_VERSION,
    proto::{self, connector_client::ConnectorClient},
    signing::{EnvelopeVerdict, PrivateKey, verify_envelope, verify_sha256},
};
use outboard_go_plugin::{
    handshake::HandshakeConfig,
    host::{ExitCause, PluginProcess, PluginSpec},
    reattach::ReattachConfig,
    transport::Channel,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(30);

fn program() -> PathBuf {
    // target/PROFILE/deps/it-HASH, and target/PROFILE/examples/lab_connector.
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let program = profile.join("examples").join("lab_connector");
    assert!(
        program.is_file(),
        "build it first: cargo build -p outboard-sdk --examples"
    );
    program
}

fn command() -> Command {
    let mut command = Command::new(program());
    command.env_remove(MAGIC_COOKIE_KEY).kill_on_drop(true);
    command
}

/// Runs the program to its end: whether it succeeded, and what it printed.
async fn run(command: &mut Command) -> (bool, String, String) {
    let output = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.success(),
        text(output.stdout),
        text(output.stderr),
    )
}

async fn dump(arguments: &[&str]) -> (bool, String, String) {
    run(command().arg("--dump-manifest").args(arguments)).await
}

async fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().await.unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

#[tokio::test]
async fn it_prints_the_manifest_of_its_own_program_in_one_line() {
    let (success, stdout, stderr) = dump(&["--unknown", "words"]).await;
    assert!(success, "{stderr}");
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    let manifest = Manifest::parse(stdout.as_bytes()).unwrap();
    assert_eq!(manifest.check(), Ok(()));
    assert_eq!((manifest.key(), &*manifest.entry), ("lab", "lab_connector"));
    assert_eq!(manifest.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest.sha256, sha256(&program()).await);
    assert_eq!(manifest.proto_version, i64::from(PROTO_VERSION));
    assert_eq!(
        (&*manifest.signature, manifest.envelope_signature),
        ("", None)
    );
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        assert_eq!(manifest.os_arch, ["linux/amd64"]);
    }
}

#[tokio::test]
async fn a_cookie_that_it_inherits_does_not_keep_the_manifest_from_standard_output() {
    let mut command = command();
    command
        .arg("--dump-manifest")
        .env(MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE);
    let (success, stdout, _) = run(&mut command).await;
    assert!(success);
    assert_eq!(Manifest::parse(stdout.as_bytes()).unwrap().key(), "lab");
}

#[tokio::test]
async fn it_signs_both_ways_with_a_key_that_is_named_either_way() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let key = PrivateKey::generate().unwrap();
    std::fs::write(&path, key.to_base64() + "\n").unwrap();
    let path = path.to_str().unwrap();
    for arguments in [&["--sign-key", path][..], &[&format!("--sign-key={path}")]] {
        let (success, stdout, stderr) = dump(arguments).await;
        assert!(success, "{stderr}");
        let manifest = Manifest::parse(stdout.as_bytes()).unwrap();
        let public = key.public();
        assert!(verify_sha256(
            &[public.to_base64()],
            &manifest.sha256,
            &manifest.signature
        ));
        assert_eq!(
            verify_envelope(stdout.as_bytes(), &[public]).unwrap(),
            EnvelopeVerdict::Trusted { key: public }
        );
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_an_error_without_a_manifest_and_without_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let bad = directory.path().join("bad");
    std::fs::write(&bad, "bm90IGEga2V5IGF0IGFsbA==").unwrap();
    let endless = directory.path().join("zeros");
    std::fs::write(&endless, vec![b'A'; 1024 * 1024]).unwrap();
    let missing = directory.path().join("missing");
    for path in [&bad, &endless, &missing, &directory.path().to_owned()] {
        let path = path.to_str().unwrap();
        let (success, stdout, stderr) = dump(&["--sign-key", path]).await;
        assert!(!success && stdout.is_empty(), "{stdout}");
        assert!(
            stderr.contains(path) && !stderr.contains("bm90"),
            "{stderr}"
        );
    }
    let (success, stdout, stderr) = dump(&["--sign-key"]).await;
    assert!(!success && stdout.is_empty(), "{stdout}");
    assert!(stderr.contains("--sign-key needs"), "{stderr}");
}

#[tokio::test]
async fn one_that_is_declared_wrongly_neither_prints_nor_serves() {
    for arguments in [&["--dump-manifest"][..], &[]] {
        let mut command = command();
        command
            .args(arguments)
            .env("LAB_IS_BROKEN", "1")
            .env(MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE);
        let (success, stdout, stderr) = run(&mut command).await;
        assert!(!success && stdout.is_empty(), "{stdout}");
        assert!(stderr.contains("\"echo\" is there twice"), "{stderr}");
    }
}

#[tokio::test]
async fn started_by_hand_it_says_what_it_is_and_fails() {
    let (success, _, stderr) = run(&mut command()).await;
    assert!(!success);
    assert!(stderr.contains("This program is a plugin"), "{stderr}");
}

fn spec() -> PluginSpec {
    let handshake = HandshakeConfig::new(MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE, PROTO_VERSION);
    // Prints before `main`, and the host takes no stray line before the handshake.
    PluginSpec::new("lab", program(), handshake).env("LAB_PRINTS", "1")
}

fn client(plugin: &PluginProcess) -> ConnectorClient<Channel> {
    ConnectorClient::new(plugin.channel())
}

fn request(operation: &str, input: &Value) -> proto::ExecuteRequest {
    proto::ExecuteRequest {
        operation: operation.to_owned(),
        args_json: input.to_string().into(),
        creds: [("key".to_owned(), "hunter2".to_owned())].into(),
        request_id: "r-17".to_owned(),
        session_id: "s-4".to_owned(),
    }
}

#[tokio::test]
async fn a_host_calls_it_over_mutual_tls_and_reads_its_log() {
    let plugin = spec().env("OUTBOARD_LOG", "debug").start().await.unwrap();
    assert!(plugin.is_encrypted());
    let mut client = client(&plugin);
    let answer = client
        .execute(request("echo", &json!({ "text": "hi" })))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(&*answer.result_json, br#"{"key":"hunter2","text":"hi"}"#);
    let failed = client
        .execute(request("panic", &Value::Null))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(failed.error.unwrap().code, "panic");
    assert!(
        client
            .health(proto::HealthRequest {})
            .await
            .unwrap()
            .into_inner()
            .healthy
    );

    let log = plugin.log().clone();
    let report = timeout(PATIENCE, plugin.stop()).await.unwrap();
    assert_eq!(report.cause, ExitCause::Code(0), "{report:?}");
    assert!(!report.forced, "{report:?}");
    let lines = log.recent();
    let said = |message: &str, field: &str| {
        let mut lines = lines.iter();
        let found = lines.any(|line| {
            let fields = line.fields.as_deref().unwrap_or_default();
            line.message == message && fields.contains(field)
        });
        assert!(found, "{message} {field}: {lines:?}");
    };
    said("echoed", "r-17");
    said("an operation ran", "s-4");
    said("an operation failed", "r-17");
    said("a stray line", "");
    said("the lamp is out", "7");
    assert!(!format!("{lines:?}").contains("hunter2"), "{lines:?}");
}

#[tokio::test]
async fn a_call_that_is_running_is_answered_before_the_end() {
    let plugin = spec().start().await.unwrap();
    let mut client = client(&plugin);
    let mut chunks = client
        .execute_stream(request("slow", &Value::Null))
        .await
        .unwrap()
        .into_inner();
    let first = timeout(PATIENCE, chunks.message())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(first.message, "working");
    let answer = async {
        let mut data = Vec::new();
        while let Some(chunk) = chunks.message().await.unwrap() {
            data.extend_from_slice(&chunk.data);
            if chunk.eof {
                return data;
            }
        }
        panic!("the stream ended without eof");
    };
    let (answer, report) = timeout(PATIENCE, async { tokio::join!(answer, plugin.stop()) })
        .await
        .unwrap();
    assert_eq!(answer, br#""done""#, "{report:?}");
}

#[tokio::test]
async fn for_a_debugger_it_serves_by_hand_and_its_file_is_there_as_long_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("plugin-lab.reattach.json");
    let mut child = command()
        .env("WICK_PLUGIN_REATTACH_OUT", &file)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = timeout(PATIENCE, stderr.next_line())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(line.contains("for a debugger"), "{line}");
    let text = std::fs::read_to_string(&file).unwrap();
    let written: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(written["protocol"], "grpc");
    assert_eq!(written["protocol_version"], PROTO_VERSION);
    assert_eq!(written["network"], "unix");
    assert_eq!(written["pid"], child.id().unwrap());
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    let reattach = json!({
        "Protocol": "grpc",
        "Addr": { "Network": written["network"], "String": written["addr"] },
    });
    let reattach = ReattachConfig::from_json(&reattach.to_string()).unwrap();
    let channel = Channel::connect(reattach.address).await.unwrap();
    let mut client = ConnectorClient::new(channel);
    let answer = client
        .execute(request("echo", &json!({ "text": "hi" })))
        .await
        .unwrap();
    assert!(answer.into_inner().error.is_none());

    let pid = i32::try_from(child.id().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_file_for_a_debugger_that_cannot_be_written_is_an_error() {
    let mut command = command();
    command.env("WICK_PLUGIN_REATTACH_OUT", "/no/such/directory/lab.json");
    let (success, _, stderr) = run(&mut command).await;
    assert!(!success);
    assert!(stderr.contains("/no/such/directory/lab.json"), "{stderr}");
}

#[tokio::test]
async fn a_host_that_starts_it_comes_before_the_debugger() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lab.json");
    let plugin = spec()
        .env("WICK_PLUGIN_REATTACH_OUT", &file)
        .start()
        .await
        .unwrap();
    assert!(plugin.is_encrypted() && !file.exists());
    timeout(PATIENCE, plugin.stop()).await.unwrap();
}

#[tokio::test]
async fn a_call_that_does_not_end_is_cut_off_within_the_grace() {
    let plugin = spec().start().await.unwrap();
    let mut client = client(&plugin);
    let mut chunks = client
        .execute_stream(request("forever", &Value::Null))
        .await
        .unwrap()
        .into_inner();
    let first = timeout(PATIENCE, chunks.message()).await.unwrap().unwrap();
    assert_eq!(first.unwrap().message, "working");
    let report = timeout(PATIENCE, plugin.stop()).await.unwrap();
    assert_eq!(report.cause, ExitCause::Code(0), "{report:?}");
    assert!(!report.forced, "{report:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn it_sets_itself_the_limits_that_a_host_of_the_original_asks_for() {
    let plugin = spec()
        .env("WICK_PLUGIN_RLIMIT_NOFILE", "77")
        .env("WICK_PLUGIN_RLIMIT_CPU_SEC", "many")
        .start()
        .await
        .unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", plugin.pid())).unwrap();
    let line = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(line("Max open files")[3..5], ["77", "77"]);
    assert_eq!(line("Max cpu time")[3..5], ["unlimited", "unlimited"]);
    timeout(PATIENCE, plugin.stop()).await.unwrap();
}
