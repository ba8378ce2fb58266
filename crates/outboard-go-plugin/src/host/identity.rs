//! Which process a number stands for: numbers are used again, processes are not.

use std::{collections::HashSet, fs, io, os::fd::OwnedFd, os::unix::ffi::OsStrExt as _};

use rustix::process::{Pid, PidfdFlags};
use tokio::io::{Interest, unix::AsyncFd};

use crate::{reattach::ReattachConfig, transport::Address};

/// How many descriptors of a process are looked at in search of a socket.
const DESCRIPTORS: usize = 100_000;

/// A descriptor that stands for this process and no later one.
pub(super) fn open_pidfd(pid: u32) -> Option<OwnedFd> {
    // Kernels before 5.3 have none; waiting for a child does as well there.
    rustix::process::pidfd_open(Pid::from_raw(pid.cast_signed())?, PidfdFlags::NONBLOCK).ok()
}

pub(super) fn watch(pidfd: OwnedFd) -> Option<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` names the same open descriptor for as long as it
    // lives, and the `AsyncFd` that registers it owns it.
    unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) }.ok()
}

/// Waits until the process has ended; a child is not reaped by that. Says
/// whether the descriptor could tell.
pub(super) async fn ended(pidfd: &AsyncFd<OwnedFd>) -> bool {
    pidfd.readable().await.is_ok()
}

/// When a process started, in the kernel's ticks since the machine did.
pub(super) fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may contain anything; the 22nd field counts from
    // the one after the name, which is the third.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(22 - 3)?.parse().ok()
}

/// A process descriptor for the plugin that `config` describes, if it is
/// certain that the number in there still is that plugin's.
///
/// The descriptor is opened first. What is found out about the number after
/// that is true of the descriptor's process, for the number cannot change
/// hands before that process has ended, and then the descriptor is dead.
pub(super) async fn confirm(config: &ReattachConfig) -> Option<AsyncFd<OwnedFd>> {
    let pid = config.pid.filter(|pid| *pid != 0)?;
    let pidfd = open_pidfd(pid)?;
    if let Some(started) = config.start_time
        && start_time(pid) != Some(started)
    {
        return None;
    }
    if peer_of(&config.address)
        .await
        .is_some_and(|peer| peer != pid)
    {
        return None;
    }
    let address = config.address.clone();
    let listens = tokio::task::spawn_blocking(move || listens_at(pid, &address));
    if !listens.await.is_ok_and(|listens| listens.unwrap_or(false)) {
        return None;
    }
    watch(pidfd)
}

/// The process that listens on a Unix socket, as the kernel remembers it.
async fn peer_of(address: &Address) -> Option<u32> {
    let Address::Unix(path) = address else {
        return None;
    };
    let stream = tokio::net::UnixStream::connect(path).await.ok()?;
    stream.peer_cred().ok()?.pid()?.try_into().ok()
}

/// Whether a process has the socket open that listens at `address`.
fn listens_at(pid: u32, address: &Address) -> io::Result<bool> {
    let listening = match address {
        Address::Unix(path) => {
            let sockets = fs::read(format!("/proc/{pid}/net/unix"))?;
            let path = path.as_os_str().as_bytes();
            unix_inodes(&sockets, path)
        }
        Address::Tcp(address) => {
            let mut inodes = HashSet::new();
            for table in ["tcp", "tcp6"] {
                let sockets = fs::read_to_string(format!("/proc/{pid}/net/{table}"));
                inodes.extend(tcp_inodes(&sockets.unwrap_or_default(), address.port()));
            }
            inodes
        }
    };
    for descriptor in fs::read_dir(format!("/proc/{pid}/fd"))?.take(DESCRIPTORS) {
        let Ok(target) = fs::read_link(descriptor?.path()) else {
            continue;
        };
        let inode = target
            .to_str()
            .and_then(|target| target.strip_prefix("socket:[")?.strip_suffix(']'));
        if inode.is_some_and(|inode| listening.contains(inode)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// ```text
/// Num       RefCount Protocol Flags    Type St Inode Path
/// 00000000: 00000002 00000000 00010000 0001 01 23456 /tmp/plugin1
/// ```
fn unix_inodes(table: &[u8], path: &[u8]) -> HashSet<String> {
    const LISTENING: &str = "00010000";
    let lines = table.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| {
            let line = line.strip_suffix(path)?.strip_suffix(b" ")?;
            let mut fields = std::str::from_utf8(line).ok()?.split_whitespace();
            let flags = fields.nth(3)?;
            let inode = fields.nth(2)?;
            (flags == LISTENING && fields.next().is_none()).then(|| inode.to_owned())
        })
        .collect()
}

/// ```text
///   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
///    0: 0100007F:2710 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 23456
/// ```
fn tcp_inodes(table: &str, port: u16) -> HashSet<String> {
    const LISTENING: &str = "0A";
    let port = format!(":{port:04X}");
    let lines = table.lines().map(|line| line.split_whitespace());
    lines
        .filter_map(|mut fields| {
            let local = fields.nth(1)?;
            let state = fields.nth(1)?;
            let inode = fields.nth(5)?;
            (local.ends_with(&port) && state == LISTENING).then(|| inode.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_process_is_known_by_the_sockets_on_which_it_listens() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("socket");
        let _listener = UnixListener::bind(&path).expect("a socket");
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = tcp.local_addr().expect("an address");
        let this = std::process::id();
        assert!(listens_at(this, &Address::Unix(path.clone())).expect("/proc"));
        assert!(listens_at(this, &Address::Tcp(port)).expect("/proc"));
        drop(tcp);
        assert!(!listens_at(this, &Address::Tcp(port)).expect("/proc"));
        let other = directory.path().join("other");
        assert!(!listens_at(this, &Address::Unix(other)).expect("/proc"));

        let mut sleep = std::process::Command::new("sleep")
            .arg("1000")
            .spawn()
            .expect("sleep");
        let listens = listens_at(sleep.id(), &Address::Unix(path)).expect("/proc");
        let (born, earlier) = (start_time(sleep.id()), start_time(this));
        sleep.kill().expect("a signal");
        sleep.wait().expect("the end");
        assert!(!listens);
        assert!(born >= earlier && earlier.is_some());
    }
}
