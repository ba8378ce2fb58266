//! Which frames are open: pure, and told the time.
//!
//! ```text
//! open ──────── 15 minutes ──────── expired
//!   ▲                │
//!   └──── renew ─────┘      its page does, as long as it is there
//! ```
//!
//! There are never more tickets than [`MAX_TICKETS`], of one user never more than
//! [`MAX_OF_ONE`], and of one plugin never of more than [`MAX_GENERATIONS`] generations,
//! because each generation holds its files in memory. The oldest go.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Semaphore, time::Instant};

use crate::{
    security::{Principal, Via},
    ui_plugins::UiPluginEntry,
};

/// How long a ticket is good for, from when it was opened or renewed.
pub(super) const LIFETIME: Duration = Duration::from_secs(15 * 60);
const MAX_TICKETS: usize = 1000;
const MAX_OF_ONE: usize = 100;
const MAX_GENERATIONS: usize = 3;
/// How many calls of one frame are worked on at once.
pub(super) const MAX_CALLS: usize = 16;

/// A frame that is open.
#[derive(Debug)]
pub(super) struct Ticket {
    /// Manifest and files, as they were when it was opened.
    pub(super) entry: Arc<UiPluginEntry>,
    /// Which of the plugin's pages.
    pub(super) item: String,
    /// A place for each call that is worked on.
    pub(super) calls: Arc<Semaphore>,
    /// Whether something was refused to it already.
    refused: AtomicBool,
    owner: (String, Via),
}

impl Ticket {
    pub(super) fn new(entry: Arc<UiPluginEntry>, item: &str, principal: &Principal) -> Ticket {
        Ticket {
            entry,
            item: item.to_owned(),
            calls: Arc::new(Semaphore::new(MAX_CALLS)),
            refused: AtomicBool::new(false),
            owner: (principal.id.clone(), principal.via),
        }
    }

    /// Whether this is the first thing that is refused to it.
    pub(super) fn is_first_refusal(&self) -> bool {
        !self.refused.swap(true, Ordering::Relaxed)
    }

    /// Whether it is this one who opened it, in the same way of showing who it is.
    pub(super) fn is_of(&self, principal: &Principal) -> bool {
        self.owner == (principal.id.clone(), principal.via)
    }
}

/// What a ticket comes to.
#[derive(Debug)]
pub(super) enum Found {
    Open(Arc<Ticket>),
    /// It may have been one.
    Expired,
    /// No ticket of ours looks like this.
    NoTicket,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    open: HashMap<String, Kept>,
    /// Counts what was opened, so that the oldest can be told.
    opened: u64,
}

#[derive(Debug)]
struct Kept {
    ticket: Arc<Ticket>,
    number: u64,
    until: Instant,
}

impl Tickets {
    /// Adds one under a name of 32 hexadecimal digits, and lets others go for it.
    pub(super) fn open(&mut self, ticket: Ticket, random: [u8; 16], now: Instant) -> String {
        self.open.retain(|_, kept| kept.until > now);
        self.drop_old_generations(&ticket.entry);
        let of_owner = |kept: &Kept| kept.ticket.owner == ticket.owner;
        self.drop_oldest(MAX_OF_ONE, of_owner);
        self.drop_oldest(MAX_TICKETS, |_| true);
        let name = random
            .iter()
            .fold(String::with_capacity(32), |mut name, byte| {
                let _ = write!(name, "{byte:02x}");
                name
            });
        self.opened += 1;
        let kept = Kept {
            ticket: Arc::new(ticket),
            number: self.opened,
            until: now + LIFETIME,
        };
        self.open.insert(name.clone(), kept);
        name
    }

    pub(super) fn find(&self, name: &str, now: Instant) -> Found {
        match self.open.get(name) {
            Some(kept) if kept.until > now => Found::Open(Arc::clone(&kept.ticket)),
            _ if looks_like_one(name) => Found::Expired,
            _ => Found::NoTicket,
        }
    }

    /// Lets one that is open live on.
    pub(super) fn renew(&mut self, name: &str, now: Instant) {
        if let Some(kept) = self.open.get_mut(name)
            && kept.until > now
        {
            kept.until = now + LIFETIME;
        }
    }

    /// Makes room for one more among those that `counts` counts.
    fn drop_oldest(&mut self, most: usize, counts: impl Fn(&Kept) -> bool) {
        let counted = self.open.iter().filter(|(_, kept)| counts(kept));
        if counted.clone().count() < most {
            return;
        }
        let oldest = counted.min_by_key(|(_, kept)| kept.number);
        if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
            self.open.remove(&oldest);
        }
    }

    fn drop_old_generations(&mut self, newest: &UiPluginEntry) {
        let name = &newest.manifest.name;
        let others: BTreeSet<u64> = self
            .open
            .values()
            .map(|kept| &kept.ticket.entry)
            .filter(|entry| entry.manifest.name == *name)
            .map(|entry| entry.assets.generation())
            .filter(|generation| *generation != newest.assets.generation())
            .collect();
        let too_many = (others.len() + 1).saturating_sub(MAX_GENERATIONS);
        let leaving: BTreeSet<u64> = others.into_iter().take(too_many).collect();
        self.open
            .retain(|_, kept| !leaving.contains(&kept.ticket.entry.assets.generation()));
    }
}

fn looks_like_one(name: &str) -> bool {
    name.len() == 32
        && name
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
