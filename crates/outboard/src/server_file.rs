//! `server.json`: how a command finds the server that runs on a data directory.
//!
//! ```json
//! {"address":"127.0.0.1:7400","token":"…","pid":4711,"version":"0.1.0"}
//! ```

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

const NAME: &str = "server.json";

/// A running server.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ServerFile {
    /// Where it listens: host and port.
    pub(crate) address: String,
    /// Whether it speaks TLS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) tls: bool,
    /// What it asks for; absent in development mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    /// Its process id.
    pub(crate) pid: u32,
    /// Its version.
    pub(crate) version: String,
}

impl ServerFile {
    /// What its URLs begin with.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    pub(crate) fn path(data_dir: &Path) -> PathBuf {
        data_dir.join(NAME)
    }

    /// The server of this data directory, if one runs. A file that a killed
    /// server left behind counts as none.
    pub(crate) fn read(data_dir: &Path) -> io::Result<Option<ServerFile>> {
        let bytes = match fs::read(Self::path(data_dir)) {
            Ok(bytes) => bytes,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let file: ServerFile = serde_json::from_slice(&bytes).map_err(io::Error::other)?;
        Ok(file.is_alive().then_some(file))
    }

    fn is_alive(&self) -> bool {
        let pid = i32::try_from(self.pid)
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        // One that has ended and was not waited for still has its number.
        if is_zombie(self.pid) {
            return false;
        }
        let alive = pid.map(rustix::process::test_kill_process);
        // Somebody else's process answers that we may not signal it.
        matches!(alive, Some(Ok(()) | Err(rustix::io::Errno::PERM)))
    }

    /// Writes the file as one unit, readable by its owner alone. It goes when
    /// the returned guard does.
    pub(crate) fn write(&self, data_dir: &Path) -> io::Result<ServerFileGuard> {
        use std::os::unix::fs::OpenOptionsExt as _;

        let path = Self::path(data_dir);
        let temporary = data_dir.join(format!(".{NAME}.{}", std::process::id()));
        let _ = fs::remove_file(&temporary);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(&serde_json::to_vec(self).map_err(io::Error::other)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        Ok(ServerFileGuard(path))
    }
}

/// Whether a process has ended and only its parent does not know yet. Where the
/// operating system does not say, it counts as running.
fn is_zombie(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    // The state follows the name, which may have any character in it.
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
    state.starts_with(['Z', 'X'])
}

impl std::fmt::Debug for ServerFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token stays out of logs.
        f.debug_struct("ServerFile")
            .field("address", &self.address)
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}

/// Removes `server.json` when the server stops.
#[derive(Debug)]
pub(crate) struct ServerFileGuard(PathBuf);

impl Drop for ServerFileGuard {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn written(data_dir: &Path, pid: u32) -> Option<ServerFile> {
        let file = ServerFile {
            address: "127.0.0.1:7400".to_owned(),
            tls: false,
            token: None,
            pid,
            version: "0.1.0".to_owned(),
        };
        let _guard = file.write(data_dir).unwrap();
        ServerFile::read(data_dir).unwrap()
    }

    #[test]
    fn a_server_that_was_killed_counts_as_none_also_before_its_parent_has_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("sleep")
            .arg("1000")
            .spawn()
            .unwrap();
        assert!(written(directory.path(), child.id()).is_some());
        child.kill().unwrap();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !is_zombie(child.id()) {
            assert!(std::time::Instant::now() < until, "it does not end");
            std::thread::yield_now();
        }
        assert!(written(directory.path(), child.id()).is_none());
        child.wait().unwrap();
        assert!(written(directory.path(), child.id()).is_none());
    }
}
