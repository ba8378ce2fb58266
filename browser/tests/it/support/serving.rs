//! A real `outboard serve`, from its ready line until it is gone.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ExitStatus, Stdio},
    sync::mpsc::sync_channel,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{DEADLINE, Home};

/// A running server. Dropping it asks it to stop, so that its plugins go with it in order,
/// and ends it by force if it does not.
#[derive(Debug)]
pub(crate) struct Serving {
    child: Child,
    pub(crate) url: String,
    pub(crate) ready: Value,
}

impl Serving {
    /// Starts one that asks for a token, on any free port.
    pub(crate) fn start(home: &Home, arguments: &[&str]) -> Serving {
        Serving::on(home, "127.0.0.1:0", arguments)
    }

    /// The same on an address that is known before.
    pub(crate) fn on(home: &Home, address: &str, arguments: &[&str]) -> Serving {
        let fixed = ["serve", "--json", "--addr", address];
        let mut command = home.command(&[&fixed, arguments].concat());
        command.stdout(Stdio::piped());
        // What a server says is shown with a test that fails.
        let log = std::fs::File::create(home.path("server.log")).unwrap();
        command.stderr(log);
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut serving = Serving {
            child,
            url: String::new(),
            ready: Value::Null,
        };
        let (send, lines) = sync_channel(1);
        // Ends with the server's standard output.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = send.try_send(line);
            }
        });
        let line = lines.recv_timeout(DEADLINE).unwrap_or_else(|_| {
            let log = std::fs::read_to_string(home.path("server.log"));
            panic!("the server did not get ready: {}", log.unwrap_or_default())
        });
        serving.ready = serde_json::from_str(&line).unwrap();
        assert_eq!(serving.ready["event"], "ready", "{line}");
        serving.url = serving.ready["url"].as_str().unwrap().to_owned();
        serving
    }

    /// The address of a page.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Its host and port.
    pub(crate) fn address(&self) -> &str {
        self.url.split_once("://").map_or("", |(_, rest)| rest)
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(mut self) {
        let status = self.end().expect("the server stops in time");
        assert!(status.success(), "{status}");
    }

    fn end(&mut self) -> Option<ExitStatus> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Some(status);
        }
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let until = Instant::now() + DEADLINE;
        while Instant::now() < until {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if self.end().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
