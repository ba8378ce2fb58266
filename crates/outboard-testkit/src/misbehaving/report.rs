//! What the plugin did, in a file that the test reads: whom it started, where it
//! made its socket.

use std::{
    fmt::Display,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

/// What is in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Its process id.
    pub pid: Option<u32>,
    /// The process id of the child that it started.
    pub child: Option<u32>,
    /// Its socket.
    pub socket: Option<PathBuf>,
    /// The directory that it was told to make sockets in.
    pub socket_directory: Option<PathBuf>,
    /// The names of the calls that reached it, oldest first.
    pub calls: Vec<String>,
}

impl Report {
    /// Reads what is there by now; nothing if there is no file yet.
    pub fn read(path: impl AsRef<Path>) -> Report {
        let mut report = Report::default();
        let text = fs::read_to_string(path).unwrap_or_default();
        // What has no end yet is still being written.
        let lines = text.split_inclusive('\n');
        for line in lines.filter_map(|line| line.strip_suffix('\n')) {
            match line.split_once(' ') {
                Some(("pid", value)) => report.pid = value.parse().ok(),
                Some(("child", value)) => report.child = value.parse().ok(),
                Some(("socket", value)) => report.socket = Some(value.into()),
                Some(("socket-directory", value)) => report.socket_directory = Some(value.into()),
                Some(("call", value)) => report.calls.push(value.to_owned()),
                _ => {}
            }
        }
        report
    }
}

#[derive(Debug, Clone)]
pub(super) struct Writer(PathBuf);

impl Writer {
    pub(super) fn new(path: PathBuf) -> Writer {
        Writer(path)
    }

    pub(super) fn say(&mut self, key: &str, value: impl Display) {
        let line = format!("{key} {value}\n");
        let file = fs::File::options().append(true).create(true).open(&self.0);
        // A test that has ended took its directory along.
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}
