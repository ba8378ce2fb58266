//! What belongs to one running plugin: its process, the tasks that read its
//! output, its socket directory.

use std::{path::Path, time::Duration};

use tokio::task::JoinHandle;

use super::{
    ExitCause,
    launch::{AttachedRunner, Output},
    log::pump,
    output::Sink,
    quiet::{Ended, UntilQuiet},
    sockets::SocketDirectory,
};

/// How long output may still arrive after the process has ended, at most.
pub(super) const DRAIN: Duration = Duration::from_millis(250);

/// How long killing a process, or asking it to end, may take, and how long a
/// killed one may take to disappear.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// A process and what belongs to it. Dropping it ends the process and leaves
/// nothing behind, unless the process is to outlive its host.
pub(super) struct Owned {
    process: Box<dyn AttachedRunner>,
    id: String,
    pid: u32,
    outlives_host: bool,
    sockets_stay: bool,
    ended: Option<ExitCause>,
    tasks: Vec<JoinHandle<()>>,
    flows: Vec<Ended>,
    sockets: Option<SocketDirectory>,
}

impl Owned {
    pub(super) fn new(process: Box<dyn AttachedRunner>, sockets: SocketDirectory) -> Owned {
        Owned {
            id: process.id(),
            pid: process.pid().unwrap_or(0),
            process,
            outlives_host: false,
            sockets_stay: false,
            ended: None,
            tasks: Vec::new(),
            flows: Vec::new(),
            sockets: Some(sockets),
        }
    }

    /// Its process id, or 0 if it has none here.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn process(&mut self) -> &mut dyn AttachedRunner {
        &mut *self.process
    }

    /// Leaves it running when this is dropped. `with_sockets` says whether the
    /// socket directory is the plugin's, and stays too.
    pub(super) fn outlives_host(&mut self, with_sockets: bool) {
        self.outlives_host = true;
        self.sockets_stay = with_sockets;
        if let Some(sockets) = self.sockets.as_mut().filter(|_| with_sockets) {
            sockets.outlives_host();
        }
    }

    /// Where both sides make their sockets.
    pub(super) fn socket_directory(&self) -> &Path {
        let sockets = self.sockets.as_ref();
        sockets.map_or(Path::new("/"), SocketDirectory::path)
    }

    /// Takes on a task that ends with the process.
    pub(super) fn adopt(&mut self, task: JoinHandle<()>) {
        self.tasks.push(task);
    }

    /// Reads a flow of output for as long as it comes.
    pub(super) fn read(&mut self, output: Output, mut sink: Sink) {
        let ended = Ended::default();
        self.flows.push(ended.clone());
        let output = UntilQuiet::new(output, ended);
        self.adopt(tokio::spawn(pump(output, move |bytes| sink.take(bytes))));
    }

    /// Waits for its end. Cancel-safe.
    pub(super) async fn exit(&mut self) -> ExitCause {
        if self.ended.is_none() {
            self.ended = Some(self.process.wait().await);
        }
        self.ended.unwrap_or(ExitCause::Unknown)
    }

    /// How it ended, if it has, or does in a moment.
    pub(super) async fn exit_within(&mut self, limit: Duration) -> Option<ExitCause> {
        tokio::time::timeout(limit, self.exit()).await.ok()
    }

    /// Lets the output arrive that is on its way, then stops reading.
    pub(super) async fn drain(&mut self) {
        for flow in &self.flows {
            flow.set();
        }
        let tasks = std::mem::take(&mut self.tasks);
        let aborts: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
        let all = async {
            for task in tasks {
                let _ = task.await;
            }
        };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            for abort in aborts {
                abort.abort();
            }
        }
    }

    /// Asks it to end and says whether that was possible.
    pub(super) async fn terminate(&mut self) -> bool {
        self.ended.is_none()
            && tokio::time::timeout(KILL_TIMEOUT, self.process.terminate())
                .await
                .unwrap_or(false)
    }

    /// Ends it by force and waits for that.
    pub(super) async fn kill(&mut self) -> ExitCause {
        if let Some(cause) = self.ended {
            return cause;
        }
        match tokio::time::timeout(KILL_TIMEOUT, self.process.kill()).await {
            // Only a process stuck in the kernel takes longer.
            Ok(Ok(())) => self
                .exit_within(KILL_TIMEOUT)
                .await
                .unwrap_or(ExitCause::Unknown),
            Ok(Err(error)) => {
                tracing::warn!(id = self.id, %error, "the plugin could not be killed");
                ExitCause::LeftRunning
            }
            Err(_) => {
                tracing::warn!(id = self.id, "killing the plugin took too long");
                ExitCause::Unknown
            }
        }
    }

    /// Gives it up: it runs on, and keeps its sockets.
    pub(super) fn leave(&mut self) {
        if self.ended.is_none() {
            self.process.detach();
            if let Some(sockets) = self.sockets.take_if(|_| self.sockets_stay) {
                sockets.keep();
            }
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        if self.outlives_host {
            self.leave();
        }
    }
}
