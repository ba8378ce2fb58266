//! A PostgreSQL server of the tests' own.

use std::{
    fs,
    net::TcpListener,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use outboard_sdk::{Value, json, testing::ConnectorHost};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(120);
pub(crate) const PASSWORD: &str = "correct-horse";

/// A running server. It ends with the last test that uses it.
pub(crate) struct Cluster {
    server: Child,
    pub(crate) directory: TempDir,
    pub(crate) port: u16,
    /// What the server's certificate comes from, in PEM.
    pub(crate) authority: String,
}

/// The server that all tests share, or nothing where PostgreSQL is not installed.
pub(crate) async fn cluster() -> Option<Arc<Cluster>> {
    static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
    let cluster = {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        match shared.upgrade() {
            Some(cluster) => cluster,
            None => {
                let cluster = Arc::new(Cluster::start()?);
                *shared = Arc::downgrade(&cluster);
                cluster
            }
        }
    };
    cluster.ready().await;
    Some(cluster)
}

impl Cluster {
    fn start() -> Option<Cluster> {
        if !(is_installed("initdb") && is_installed("postgres")) {
            let required =
                std::env::var_os("OUTBOARD_INTEROP").is_some_and(|text| text == "require");
            assert!(
                !required,
                "initdb and postgres are not installed, and OUTBOARD_INTEROP=require"
            );
            eprintln!("skipped: initdb and postgres are not installed");
            return None;
        }
        // The path of a socket must be short.
        let directory = tempfile::Builder::new()
            .prefix("ob-sql-")
            .tempdir_in("/tmp")
            .unwrap();
        let user = user();
        let own = |path: &Path, mode: u32| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            if let Some((user, group)) = user {
                chown(path, Some(user), Some(group)).unwrap();
            }
        };
        own(directory.path(), 0o700);
        let password = directory.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        own(&password, 0o600);
        let data = directory.path().join("data");
        let mut initdb = Command::new("initdb");
        initdb
            .args([
                "--username=tester",
                "--auth=scram-sha-256",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .arg(format!("--pwfile={}", password.display()))
            .arg("-D")
            .arg(&data);
        let output = run_as(&mut initdb, user, directory.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );

        let (authority, certificate, key) = certificates();
        for (name, text) in [("server.crt", &certificate), ("server.key", &key)] {
            fs::write(data.join(name), text).unwrap();
            own(&data.join(name), 0o600);
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut postgres = Command::new("postgres");
        postgres
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(directory.path())
            .args([
                "-p",
                &port.to_string(),
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "ssl=on",
                "-c",
                "fsync=off",
            ]);
        let log = fs::File::create(directory.path().join("log")).unwrap();
        let server = run_as(&mut postgres, user, directory.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Some(Cluster {
            server,
            directory,
            port,
            authority,
        })
    }

    /// Settings that reach it over its socket, and more.
    pub(crate) fn settings(&self, more: Value) -> Value {
        let mut settings = json!({
            "database": "postgres", "host": self.directory.path().to_str().unwrap(),
            "port": self.port, "name": "postgres", "user": "tester", "password": PASSWORD,
        });
        settings
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        settings
    }

    /// Waits until it answers.
    async fn ready(&self) {
        let host = ConnectorHost::start(sql_connector::connector(), self.settings(json!({})))
            .await
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match host.execute("query", json!({ "sql": "SELECT 1" })).await {
                Ok(_) => return,
                Err(error) if Instant::now() > deadline => {
                    let log = fs::read_to_string(self.directory.path().join("log"));
                    panic!("{error}\n{}", log.unwrap_or_default());
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Its processes end when it is gone.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory: PathBuf| directory.join(program).is_file())
}

/// Whom to run it as: PostgreSQL refuses to run as root.
fn user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let line = accounts
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    };
    find("postgres").or_else(|| find("nobody"))
}

fn run_as<'a>(command: &'a mut Command, user: Option<(u32, u32)>, home: &Path) -> &'a mut Command {
    command
        .current_dir(home)
        .env("HOME", home)
        .stdin(Stdio::null());
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command
}

/// An authority, and a certificate of it with its key, in PEM.
fn certificates() -> (String, String, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let server = server.signed_by(&key, &authority).unwrap();
    (authority.pem(), server.pem(), key.serialize_pem())
}
