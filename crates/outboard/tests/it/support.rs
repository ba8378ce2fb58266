//! A home of its own for each test, the program in it, and a server that never
//! outlives its test.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError, mpsc::sync_channel},
    thread,
    time::{Duration, Instant, SystemTime},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before the test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A temporary directory that is home, working directory and data directory.
pub(crate) struct Home {
    root: TempDir,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

impl Home {
    pub(crate) fn new() -> Home {
        Home {
            root: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The program with nothing of the tests' own environment in it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outboard"));
        command
            .args(arguments)
            .current_dir(self.root.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root.path())
            .env("OUTBOARD_DATA_DIR", self.data())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        finish(self.command(arguments).spawn().unwrap(), "")
    }

    /// The same with something on standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(arguments);
        finish(command.stdin(Stdio::piped()).spawn().unwrap(), input)
    }

    /// A plugin's directory with what it says of itself.
    pub(crate) fn manifest(&self, name: &str, manifest: &Value) {
        self.write(
            &format!("data/plugins/{name}/plugin.json"),
            &manifest.to_string(),
        );
    }

    /// A plugin that is a shell script and no plugin.
    pub(crate) fn script(&self, name: &str, body: &str) {
        self.manifest(
            name,
            &serde_json::json!({
                "name": name, "version": "1.2.3", "author": "tests",
                "description": "does nothing well", "dependencies": [],
                "stepTypes": [format!("step.{name}")],
            }),
        );
        let program = self.write(
            &format!("data/plugins/{name}/{name}"),
            &format!("#!/bin/sh\n{body}\n"),
        );
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The example plugin of the repository.
    pub(crate) fn store_plugin(&self) {
        let manifest = fs::read(repository().join("examples/store-plugin/plugin.json")).unwrap();
        let text = String::from_utf8(manifest).unwrap();
        self.write("data/plugins/store-plugin/plugin.json", &text);
        let copy = self.path("data/plugins/store-plugin/store-plugin");
        let program = example_program("store-plugin");
        // A link costs nothing and is the same file.
        fs::hard_link(&program, &copy)
            .or_else(|_| fs::copy(&program, &copy).map(drop))
            .unwrap();
    }

    /// A package of the connector for SQL databases, in that version.
    pub(crate) fn sql_package(&self, directory: &str, version: &str) -> PathBuf {
        let program = example_program("sql-connector");
        let dumped = Command::new(&program)
            .arg("--dump-manifest")
            .output()
            .unwrap();
        assert!(dumped.status.success(), "{dumped:?}");
        let mut manifest: Value = serde_json::from_slice(&dumped.stdout).unwrap();
        manifest["version"] = version.into();
        let entry = manifest["entry"].as_str().unwrap().to_owned();
        let file = self.write(&format!("{directory}/plugin.json"), &manifest.to_string());
        let copy = file.with_file_name(entry);
        fs::hard_link(&program, &copy)
            .or_else(|_| fs::copy(&program, &copy).map(drop))
            .unwrap();
        self.path(directory)
    }

    /// Processes whose program lies in this home.
    pub(crate) fn processes(&self) -> Vec<PathBuf> {
        let root = self.root.path().canonicalize().unwrap();
        let links = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| fs::read_link(entry.ok()?.path().join("exe")).ok());
        links.filter(|program| program.starts_with(&root)).collect()
    }
}

/// Waits for a command's end, and ends it if that takes too long.
pub(crate) fn finish(mut child: Child, input: &str) -> Ran {
    let stdin = child.stdin.take();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let mut child = Reaped(child);
    thread::scope(|scope| {
        let read = scope.spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        let read_errors = scope.spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        if let Some(mut stdin) = stdin {
            // A command that does not read it has closed it.
            let _ = stdin.write_all(input.as_bytes());
        }
        let status = child.wait();
        if status.is_none() {
            let _ = child.0.kill();
        }
        let ran = Ran {
            code: status.and_then(|status| status.code()),
            stdout: read.join().unwrap(),
            stderr: read_errors.join().unwrap(),
        };
        assert!(status.is_some(), "it did not end: {ran:?}");
        ran
    })
}

/// A process that is gone when this is.
struct Reaped(Child);

impl Reaped {
    fn wait(&mut self) -> Option<ExitStatus> {
        let until = Instant::now() + DEADLINE;
        while Instant::now() < until {
            if let Some(status) = self.0.try_wait().unwrap() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        // Neither does anything to a process that was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `outboard serve`, once it has said that it is ready.
pub(crate) struct Serving {
    child: Reaped,
    pub(crate) url: String,
    pub(crate) ready: Value,
}

impl Serving {
    pub(crate) fn start(home: &Home, arguments: &[&str]) -> Serving {
        Serving::start_at(home, "127.0.0.1:0", arguments)
    }

    pub(crate) fn start_at(home: &Home, address: &str, arguments: &[&str]) -> Serving {
        let fixed = ["serve", "--addr", address, "--json"];
        let mut command = home.command(&[&fixed, arguments].concat());
        command.stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let child = Reaped(child);
        let (send, lines) = sync_channel(1);
        // Ends with the server's standard output.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let _ = send.try_send(line.unwrap());
            }
        });
        let line = lines
            .recv_timeout(DEADLINE)
            .expect("a line when it is ready");
        let ready: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(ready["event"], "ready", "{ready}");
        Serving {
            child,
            url: ready["url"].as_str().unwrap().to_owned(),
            ready,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.0.id()
    }

    /// Asks it to stop, and does not wait for it.
    pub(crate) fn ask_to_stop(&self) {
        let pid = Pid::from_child(&self.child.0);
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.ask_to_stop();
        let status = self.child.wait().expect("the server stops in time");
        assert_eq!(status.signal(), None, "{status}");
        status
    }
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// When something below a directory was last changed.
fn newest(path: &Path) -> Option<SystemTime> {
    if !path.is_dir() {
        return path.metadata().unwrap().modified().ok();
    }
    let entries = fs::read_dir(path).unwrap();
    entries
        .map(|entry| newest(&entry.unwrap().path()))
        .max()
        .flatten()
}

/// The built program of an example. It is another package's, so that it may have to be
/// built first, also where an old one lies.
fn example_program(package: &str) -> PathBuf {
    static BUILDING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut directory = std::env::current_exe().unwrap();
    directory.pop();
    directory.pop();
    let program = directory.join(package);
    let example = format!("examples/{package}");
    let sources = [
        example.as_str(),
        "crates/outboard-sdk/src",
        "crates/outboard-go-plugin/src",
        "crates/outboard-contracts/src",
    ];
    let changed = sources
        .iter()
        .map(|path| newest(&repository().join(path)))
        .max()
        .flatten();
    let built = program.metadata().and_then(|file| file.modified()).ok();
    if built > changed {
        return program;
    }
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let built = Command::new(cargo)
        .args(["build", "-p", package, "--profile", profile])
        .arg("--target-dir")
        .arg(directory.parent().unwrap())
        .current_dir(repository())
        .status()
        .unwrap();
    assert!(built.success(), "cannot build {package}");
    program
}
