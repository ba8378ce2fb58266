//! A tiny process beside the host that ends the host's plugins, with their
//! children and sockets, when the host dies without being able to.
//!
//! ```text
//! host ──── "+ group 4711 40", "+ directory /tmp/outboard-plugin-x" ───▸ guardian
//!   ╳ killed: the socket between them closes
//!                           guardian ── SIGTERM, grace, SIGKILL ──▸ group 4711
//!                                    ── rm -rf ──▸ /tmp/outboard-plugin-x
//! ```
//!
//! Why a process: the kernel can signal a child when its parent dies
//! (`PR_SET_PDEATHSIG`), but the signal reaches neither the child's children
//! nor its files, and comes when the *thread* ends that made the child. Why a
//! shell: a library has no second program to run, and running the host's own a
//! second time would run whatever the host does before `main`. The guardian is
//! one `/bin/sh` for the whole host, started with the first plugin; it holds
//! nothing of the host but its end of the socket.

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt as _},
    },
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

const SCRIPT: &str = include_str!("guardian.sh");

/// The longest time that the guardian gives a plugin, in twentieths of a second.
const LONGEST_GRACE: u128 = 20 * 600;

static STATE: Mutex<State> = Mutex::new(State {
    entries: BTreeSet::new(),
    guardian: None,
});

struct State {
    /// All that a guardian must know; also one that replaces a lost one.
    entries: BTreeSet<String>,
    guardian: Option<Guardian>,
}

/// Held for moments only: neither starting nor ending a guardian needs it.
fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something that the guardian looks after for as long as this lives.
#[derive(Debug)]
pub(super) struct Watched(String);

/// Has a process group ended when this host dies: SIGTERM, `grace`, SIGKILL.
///
/// To be dropped before the group's leader is reaped: until then nobody else
/// can have its number.
pub(super) fn watch_group(leader: u32, grace: Duration) -> Watched {
    let twentieths = grace.as_millis().div_ceil(50).min(LONGEST_GRACE);
    watch(format!("group {leader} {twentieths}"))
}

/// Has a directory removed when this host dies.
pub(super) fn watch_directory(path: &Path) -> Option<Watched> {
    // A path that a line cannot hold is left to the sweep of a later start.
    let path = path.to_str().filter(|path| !path.contains('\n'))?;
    Some(watch(format!("directory {path}")))
}

fn watch(entry: String) -> Watched {
    let lost = {
        let mut state = state();
        state.entries.insert(entry.clone());
        match &state.guardian {
            Some(guardian) if guardian.send("+", &entry) => return Watched(entry),
            _ => state.guardian.take(),
        }
    };
    drop(lost);
    match Guardian::start() {
        Ok(guardian) => adopt(guardian),
        Err(error) => tracing::warn!(
            %error,
            "there is no guardian (/bin/sh): should this process be killed, its plugins may \
             stay behind"
        ),
    }
    Watched(entry)
}

/// Makes a new guardian the one, unless somebody else was quicker.
fn adopt(guardian: Guardian) {
    let superfluous = {
        let mut state = state();
        if state.guardian.is_some() {
            Some(guardian)
        } else {
            let all = state.entries.iter().all(|entry| guardian.send("+", entry));
            if !all {
                tracing::warn!("the guardian ended as soon as it had started");
            }
            all.then(|| state.guardian = Some(guardian));
            None
        }
    };
    drop(superfluous);
}

impl Drop for Watched {
    fn drop(&mut self) {
        let lost = {
            let mut state = state();
            state.entries.remove(&self.0);
            match &state.guardian {
                Some(guardian) if !guardian.send("-", &self.0) => state.guardian.take(),
                _ => None,
            }
        };
        drop(lost);
    }
}

#[derive(Debug)]
struct Guardian {
    socket: UnixStream,
    shell: Child,
}

impl Guardian {
    fn start() -> io::Result<Guardian> {
        // A socket and not a pipe: writing to one whose reader has gone is an
        // error also where the program has given SIGPIPE its deadly meaning back.
        let (socket, theirs) = UnixStream::pair()?;
        socket.set_nonblocking(true)?;
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "outboard-guardian"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What is meant for the host's group must not end this one first.
            .process_group(0)
            .spawn()?;
        Ok(Guardian { socket, shell })
    }

    /// Says whether it was heard. One that has been stopped and does not read
    /// any more counts as lost like one that has ended.
    fn send(&self, sign: &str, entry: &str) -> bool {
        let line = format!("{sign} {entry}\n");
        (&self.socket).write_all(line.as_bytes()).is_ok()
    }
}

impl Drop for Guardian {
    /// Kills it first: to see the socket close would tell it that the host died.
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that nobody else in this process uses.
    fn guardian() -> Guardian {
        Guardian::start().expect("/bin/sh")
    }

    #[test]
    fn what_was_taken_back_is_left_alone_and_the_rest_ends_with_the_host() {
        let parent = tempfile::tempdir().expect("a directory");
        let (gone, kept) = (parent.path().join("with space"), parent.path().join("kept"));
        std::fs::create_dir(&gone).expect("a directory");
        std::fs::create_dir(&kept).expect("a directory");
        let sleeper = || {
            let mut sleep = Command::new("sleep");
            sleep.arg("1000").process_group(0).spawn().expect("sleep")
        };
        let (mut ended, mut spared) = (sleeper(), sleeper());

        let mut guardian = guardian();
        for entry in [
            format!("group {} 20", ended.id()),
            format!("group {} 20", spared.id()),
            format!("directory {}", gone.display()),
            format!("directory {}", kept.display()),
        ] {
            assert!(guardian.send("+", &entry));
        }
        assert!(guardian.send("-", &format!("group {} 20", spared.id())));
        assert!(guardian.send("-", &format!("directory {}", kept.display())));
        // What the kernel does when the host dies.
        guardian
            .socket
            .shutdown(std::net::Shutdown::Both)
            .expect("a socket");
        guardian.shell.wait().expect("the guardian's end");

        let status = ended.wait().expect("the end");
        assert_eq!(
            std::os::unix::process::ExitStatusExt::signal(&status),
            Some(15)
        );
        assert!(spared.try_wait().expect("a status").is_none());
        spared.kill().expect("a signal");
        spared.wait().expect("the end");
        assert!(!gone.exists());
        assert!(kept.exists());
    }

    #[test]
    fn a_guardian_that_was_lost_is_replaced_and_told_everything() {
        let pid = || state().guardian.as_ref().map(|one| one.shell.id());
        let directory = tempfile::tempdir().expect("a directory");
        let first = watch_directory(directory.path()).expect("a plain path");
        let lost = pid().expect("a guardian");
        let number = rustix::process::Pid::from_raw(lost.cast_signed()).expect("a number");
        rustix::process::kill_process(number, rustix::process::Signal::KILL).expect("a signal");
        // Its end of the socket closes as it dies, before it can be reaped.
        let dead = || {
            let stat = std::fs::read_to_string(format!("/proc/{lost}/stat"));
            stat.map_or(true, |stat| stat.contains(") Z "))
        };
        while !dead() {
            std::thread::yield_now();
        }
        let second = watch("directory /nonexistent/outboard".to_owned());
        let new = pid().expect("a guardian");
        assert_ne!(new, lost);
        assert!(state().entries.contains(&first.0));
        drop((first, second));
    }

    #[test]
    fn a_guardian_that_is_ended_on_purpose_ends_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let guardian = guardian();
        assert!(guardian.send("+", &format!("directory {}", directory.path().display())));
        drop(guardian);
        assert!(directory.path().exists());
    }
}
