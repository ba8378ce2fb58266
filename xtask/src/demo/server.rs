//! The server that the demo starts, watches and ends.

use std::{
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::interrupt::Interrupt;
use crate::Result;

/// Where the server listens if nobody else does.
const USUAL: &str = "127.0.0.1:7400";
/// How long the server may take to be ready, and to stop.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a wait looks whether it is over.
const GLANCE: Duration = Duration::from_millis(50);

/// A running `outboard serve`. Dropping it ends it, by force if need be.
pub(super) struct Server {
    child: Child,
    address: SocketAddr,
    token: String,
}

impl Server {
    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When it does not become ready, or the demo was interrupted. Nothing of it runs
    /// then.
    pub(super) fn start(
        program: &Path,
        data: &Path,
        workflow: &Path,
        interrupt: &Interrupt,
    ) -> Result<Server> {
        let address = match TcpListener::bind(USUAL) {
            Ok(_) => USUAL,
            Err(error) => {
                println!("{USUAL} cannot be used ({error}); taking a free port instead");
                "127.0.0.1:0"
            }
        };
        let mut child = Command::new(program)
            .args(["serve", "--json", "--addr", address, "--data-dir"])
            .arg(data)
            .arg("--workflow")
            .arg(workflow)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // A Ctrl-C in the terminal is for us: we end the server in order.
            .process_group(0)
            .env(
                "RUST_LOG",
                std::env::var("RUST_LOG").unwrap_or("warn".to_owned()),
            )
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let stdout = child.stdout.take();
        // The ready line is read elsewhere, so that a Ctrl-C is noticed meanwhile.
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let mut lines = stdout
                .into_iter()
                .flat_map(|stdout| BufReader::new(stdout).lines());
            let _ = sender.send(lines.next().and_then(|line| line.ok()));
            // Nobody prints into a pipe that nobody reads.
            lines.for_each(drop);
        });
        let mut server = Server {
            child,
            address: ([127, 0, 0, 1], 0).into(),
            token: String::new(),
        };
        let until = Instant::now() + PATIENCE;
        loop {
            interrupt.check()?;
            match receiver.recv_timeout(GLANCE) {
                Ok(line) => {
                    let line = line.unwrap_or_default();
                    let ready: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
                    let url = ready["url"]
                        .as_str()
                        .and_then(|url| url.strip_prefix("http://"));
                    let Some(Ok(address)) = url.map(str::parse) else {
                        return Err(format!("the server did not start: {line}").into());
                    };
                    server.address = address;
                    let known = std::fs::read(data.join("server.json"))?;
                    let known: serde_json::Value = serde_json::from_slice(&known)?;
                    server.token = known["token"].as_str().unwrap_or_default().to_owned();
                    return Ok(server);
                }
                Err(_) if Instant::now() > until => {
                    return Err(format!("the server was not ready within {PATIENCE:?}").into());
                }
                Err(_) => {}
            }
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The token of whoever runs the server.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Waits until somebody presses Ctrl-C.
    ///
    /// # Errors
    ///
    /// When the server ends by itself.
    pub(super) fn wait(&mut self, interrupt: &Interrupt) -> Result {
        while interrupt.count() == 0 {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("the server ended by itself: {status}").into());
            }
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }

    /// Ends it in order: it stops its plugins first. A second Ctrl-C kills it.
    ///
    /// # Errors
    ///
    /// When it does not end well.
    pub(super) fn stop(&mut self, interrupt: &Interrupt) -> Result {
        let asked = interrupt.count();
        self.terminate();
        let until = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("the server ended badly: {status}").into()),
                None if interrupt.count() > asked || Instant::now() > until => {
                    self.child.kill()?;
                    self.child.wait()?;
                    return Err("the server was killed: it did not stop in time".into());
                }
                None => std::thread::sleep(GLANCE),
            }
        }
    }

    fn terminate(&self) {
        let pid = i32::try_from(self.child.id()).ok();
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            // It may have ended already, which the next wait tells.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Only a server that ends by itself takes its plugins with it in order.
        let until = Instant::now() + PATIENCE / 4;
        if matches!(self.child.try_wait(), Ok(None)) {
            self.terminate();
        }
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > until {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(GLANCE);
        }
    }
}
