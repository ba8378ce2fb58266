//! The memory of processes: how much one has, and whether the kernel has killed it for
//! want of some, which it says nowhere but in counters.

use std::{fs, path::PathBuf};

/// How much memory a process has in use, in bytes, where the system says: on Linux.
pub fn resident_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// How often the kernel had killed for want of memory, near a process, when
/// this was made.
#[derive(Debug)]
pub(super) struct OutOfMemory {
    pid: u32,
    /// The process's line of `/proc/PID/cgroup` that matters.
    group: Option<String>,
    in_group: Option<u64>,
    in_all: Option<u64>,
}

impl OutOfMemory {
    pub(super) fn watch(pid: u32) -> OutOfMemory {
        let group = group_of(pid);
        OutOfMemory {
            pid,
            in_group: group.as_deref().and_then(killed_in),
            group,
            in_all: killed_in_all(),
        }
    }

    /// Whether there was another one since, in the process's control group or,
    /// where that cannot be told, on the machine. A process that died of
    /// SIGKILL meanwhile was the victim, as far as anybody can know.
    ///
    /// To be asked before the process is reaped.
    pub(super) fn happened(&self) -> bool {
        let same = self.group.is_some() && self.group == group_of(self.pid);
        let (before, now) = match (&self.group, self.in_group) {
            (Some(group), Some(before)) if same => (Some(before), killed_in(group)),
            _ => (self.in_all, killed_in_all()),
        };
        matches!((before, now), (Some(before), Some(now)) if now > before)
    }
}

/// `0::/path` in version 2 of control groups, `4:memory:/path` in version 1.
fn group_of(pid: u32) -> Option<String> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let line = |wanted: fn(&str) -> bool| {
        groups.lines().find(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            fields.next().is_some_and(wanted)
        })
    };
    let memory = |names: &str| names.split(',').any(|name| name == "memory");
    line(memory)
        .or_else(|| line(str::is_empty))
        .map(str::to_owned)
}

fn killed_in(group: &str) -> Option<u64> {
    let mut fields = group.splitn(3, ':').skip(1);
    let (names, path) = (fields.next()?, fields.next()?.trim_start_matches('/'));
    let (root, file) = if names.is_empty() {
        ("/sys/fs/cgroup", "memory.events")
    } else {
        ("/sys/fs/cgroup/memory", "memory.oom_control")
    };
    counter(&PathBuf::from(root).join(path).join(file))
}

fn killed_in_all() -> Option<u64> {
    counter("/proc/vmstat".as_ref())
}

/// All three files have one line `oom_kill NUMBER` among others.
fn counter(file: &std::path::Path) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
    line?.trim().parse().ok()
}
