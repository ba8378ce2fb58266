//! What this process holds, as the kernel and the runtime tell it.

use std::fs;

/// Counted at one moment, on the runtime's thread.
#[derive(Debug)]
pub(crate) struct Usage {
    descriptors: usize,
    threads: usize,
    children: usize,
    tasks: usize,
    pub(crate) kibibytes: u64,
}

impl Usage {
    pub(crate) fn now() -> Usage {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let word = line.unwrap().split_whitespace().next();
            word.unwrap().parse::<u64>().unwrap()
        };
        Usage {
            descriptors: entries("/proc/self/fd"),
            threads: usize::try_from(number("Threads:")).unwrap(),
            children: children(),
            tasks: tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks(),
            kibibytes: number("VmRSS:"),
        }
    }

    /// Whether nothing that can be counted is more than before.
    pub(crate) fn is_within(&self, before: &Usage) -> bool {
        self.descriptors <= before.descriptors
            && self.threads <= before.threads
            && self.children <= before.children
            && self.tasks <= before.tasks
    }
}

fn entries(directory: &str) -> usize {
    fs::read_dir(directory).unwrap().count()
}

/// Children of any of our threads, zombies too.
fn children() -> usize {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let lists = threads.filter_map(|thread| {
        // A thread may end while we look.
        fs::read_to_string(thread.ok()?.path().join("children")).ok()
    });
    lists.map(|list| list.split_whitespace().count()).sum()
}
