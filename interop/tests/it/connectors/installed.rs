//! Connectors in Go as our platform has them: installed from a package, started by the
//! pool at the first call, started again when they die.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use outboard_connector::{
    client::{CallLimits, ExecCall},
    package::{self, Origin},
    pool::{Lease, Pool, PoolConfig, Program},
    store::{InstallRequest, Installed, Store},
    trust::Trust,
};
use outboard_contracts::connector::signing::PrivateKey;
use outboard_interop::tools;
use serde_json::Value;
use tempfile::TempDir;

use super::support::Package;
use crate::support::{RUST_CONNECTOR, process_exists};

/// A data directory with a store and a pool.
struct Platform {
    directory: TempDir,
    store: Store,
    pool: Pool,
    trust: Trust,
}

impl Platform {
    fn new() -> Platform {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        Platform {
            store: Store::open(&path("connectors"), &path("outboard.lock")).unwrap(),
            pool: Pool::new(PoolConfig::new(path("data"))),
            trust: Trust::new(),
            directory,
        }
    }

    fn install(&self, package: &Package, origin: Origin) -> Installed {
        let opened = package::Package::open(package.path()).unwrap();
        let request = InstallRequest::new("a test", self.trust.clone(), origin);
        let installed = self.store.install(&opened, &request, &|_| {}).unwrap();
        self.place(&installed);
        installed
    }

    fn place(&self, installed: &Installed) {
        let program = Program {
            key: installed.key.clone(),
            version: installed.version.clone(),
            program: installed.program.clone(),
            sha256: installed.manifest.sha256.clone(),
        };
        assert!(self.pool.set(program).unwrap());
    }

    async fn lease(&self) -> Lease {
        let deadline = Instant::now() + Duration::from_secs(20);
        self.pool.lease("larder", deadline).await.unwrap()
    }
}

/// Lets the larder say what it got.
async fn echoed(lease: &Lease, text: &str) -> Value {
    let mut call = ExecCall::new("echo");
    call.input.insert("text".to_owned(), text.to_owned());
    let limits = CallLimits::within(Duration::from_secs(20));
    let connection = lease.connection();
    let answer = connection
        .execute_stream(call, limits, |_| {})
        .await
        .unwrap();
    let mut answer: Value = serde_json::from_slice(&answer).unwrap();
    answer["args"]["text"].take()
}

#[tokio::test]
async fn a_signed_go_connector_is_installed_called_and_started_again_when_it_dies() {
    let Some(go) = tools::go() else { return };
    let key = PrivateKey::generate().unwrap();
    let key_file = tempfile::NamedTempFile::new().unwrap();
    fs::write(key_file.path(), key.to_base64()).unwrap();
    let package = Package::of(&go.path("go-connector"), Some(key_file.path()));
    let mut platform = Platform::new();
    platform.trust.trust_key(key.public());
    platform.install(&package, Origin::Elsewhere);

    let listed = platform.store.scan();
    assert_eq!(listed.len(), 1);
    assert_eq!(platform.pool.status_of("larder").unwrap().pid, None);

    let first = platform.lease().await;
    let second = platform.lease().await;
    assert_eq!(first.pid(), second.pid());
    assert_eq!(echoed(&first, "one").await, "one");
    let limits = CallLimits::within(Duration::from_secs(20));
    let died = second
        .connection()
        .execute(ExecCall::new("die"), limits)
        .await
        .unwrap_err();
    assert!(died.exit_report().is_some(), "{died:?}");
    let pid = first.pid();
    drop((first, second));

    let again = platform.lease().await;
    assert_ne!(again.pid(), pid);
    assert_eq!(echoed(&again, "two").await, "two");
    let pid = again.pid();
    drop(again);
    platform.pool.shutdown().await;
    assert!(!process_exists(pid));
}

#[tokio::test]
async fn a_go_connector_in_the_layout_of_the_original_is_found_and_called() {
    let Some(go) = tools::go() else { return };
    let platform = Platform::new();
    let package = Package::of(&go.path("go-connector"), None);
    let flat = platform.store.directory().join("larder");
    let moved = std::process::Command::new("cp")
        .arg("-r")
        .args([package.path(), &flat])
        .status();
    assert!(moved.unwrap().success());
    let installed = platform.store.get("larder").unwrap();
    assert!(installed.flat);
    platform.place(&installed);
    let lease = platform.lease().await;
    assert_eq!(echoed(&lease, "flat").await, "flat");
}

/// The package is verified when it is installed; what starts is compared with that once
/// more, so nothing that came between runs.
#[tokio::test]
async fn a_go_connector_that_was_changed_after_its_installation_does_not_start() {
    let Some(go) = tools::go() else { return };
    let platform = Platform::new();
    let package = Package::of(&go.path("go-connector"), None);
    let installed = platform.install(&package, Origin::LocalDirectory);
    fs::remove_file(&installed.program).unwrap();
    let other = go.path("go-connector-session");
    let copied = std::process::Command::new("cp")
        .args([&other, &installed.program])
        .status();
    assert!(copied.unwrap().success());
    let deadline = Instant::now() + Duration::from_secs(20);
    let refused = platform.pool.lease("larder", deadline).await.unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("larder") && text.contains("sha256"), "{text}");
}

/// Callers of the old version keep it until they are done, also when the new one is in
/// another language.
#[tokio::test]
async fn a_go_connector_makes_way_for_one_of_ours_without_a_failed_call() {
    let Some(go) = tools::go() else { return };
    let platform = Platform::new();
    let package = Package::of(&go.path("go-connector"), None);
    platform.install(&package, Origin::LocalDirectory);
    let old = platform.lease().await;
    assert_eq!(echoed(&old, "old").await, "old");

    let package = Package::of(RUST_CONNECTOR.as_ref(), None);
    package.edit(|manifest| manifest["version"] = "1.3.0".into());
    platform.install(&package, Origin::LocalDirectory);
    let new = platform.lease().await;
    assert_eq!((old.version(), new.version()), ("1.2.0", "1.3.0"));
    assert_ne!(old.pid(), new.pid());
    assert_eq!(echoed(&old, "still").await, "still");
    assert_eq!(echoed(&new, "new").await, "new");

    let outdated = old.pid();
    drop(old);
    let gone = async {
        while process_exists(outdated) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone)
        .await
        .unwrap();
    assert_eq!(echoed(&new, "alone").await, "alone");
    drop(new);
    platform.pool.shutdown().await;
    let kept: PathBuf = platform.directory.path().join("connectors/larder/versions");
    assert_eq!(kept.read_dir().unwrap().count(), 2);
}
