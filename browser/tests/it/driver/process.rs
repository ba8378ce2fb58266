//! ChromeDriver and the Chromium below it, from their start until nothing of them is left.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::sync_channel,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::wire::Wire;

/// How long ChromeDriver may take to start.
const START: Duration = Duration::from_secs(30);
/// How long a browser that was told to go may take.
const GONE: Duration = Duration::from_secs(10);

/// A running ChromeDriver with a directory for one browser. Dropping it ends both.
#[derive(Debug)]
pub(super) struct Driver {
    child: Child,
    profile: TempDir,
    pub(super) wire: Wire,
}

impl Driver {
    pub(super) fn start(program: &Path) -> Driver {
        let profile = tempfile::Builder::new()
            .prefix("outboard-browser-")
            .tempdir()
            .unwrap();
        let mut child = Command::new(program)
            .arg("--port=0")
            // What the browser makes beside its profile goes with it, too.
            .env("TMPDIR", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let stdout = child.stdout.take().unwrap();
        let (send, port) = sync_channel(1);
        // Ends with ChromeDriver's standard output.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(port) = port_in(&line) {
                    let _ = send.try_send(port);
                }
            }
        });
        let port = port.recv_timeout(START);
        let port = port.unwrap_or_else(|_| {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{} did not say its port", program.display())
        });
        Driver {
            child,
            profile,
            wire: Wire::to_port(port),
        }
    }

    /// Where the browser keeps all that it keeps.
    pub(super) fn profile(&self) -> PathBuf {
        self.profile.path().join("profile")
    }

    /// Processes that were started on the profile, which no other browser has.
    fn left(&self) -> Vec<Pid> {
        let mark = self.profile.path().as_os_str().as_encoded_bytes();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let ours = line.windows(mark.len()).any(|part| part == mark);
            ours.then(|| Pid::from_raw(pid)).flatten()
        });
        pids.collect()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let until = Instant::now() + GONE;
        loop {
            let left = self.left();
            if left.is_empty() || Instant::now() > until {
                break;
            }
            for pid in left {
                let _ = kill_process(pid, Signal::KILL);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The port in "ChromeDriver was started successfully on port 45753."
fn port_in(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("successfully on port ")?;
    rest.trim_end_matches('.').parse().ok()
}

#[test]
fn the_port_is_read_from_the_line_that_says_it_is_ready() {
    let ready = "ChromeDriver was started successfully on port 45753.";
    assert_eq!(port_in(ready), Some(45753));
    assert_eq!(port_in("Starting ChromeDriver 156.0 on port 0"), None);
}
