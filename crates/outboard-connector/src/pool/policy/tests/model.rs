//! Whatever happens in whatever order: what must hold, holds.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

const KEYS: [&str; 4] = ["a", "b", "c", "d"];
/// The one of the warm set, where there is one.
const WARM: &str = "a";

/// Numbers pick one of whatever there is at that moment.
#[derive(Clone, Debug)]
enum Event {
    Set(usize),
    Remove(usize),
    Request(usize, u64),
    Cancel(usize),
    Started(usize),
    StartFailed(usize),
    Exited(usize),
    Released(usize, bool),
    Checked(usize, bool),
    Pass(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let key = || 0..KEYS.len();
    let one = || 0..64usize;
    let event = prop_oneof![
        1 => key().prop_map(Event::Set),
        1 => key().prop_map(Event::Remove),
        12 => (key(), 1..20_000u64).prop_map(|(key, wait)| Event::Request(key, wait)),
        2 => one().prop_map(Event::Cancel),
        6 => one().prop_map(Event::Started),
        1 => one().prop_map(Event::StartFailed),
        3 => one().prop_map(Event::Exited),
        8 => (one(), any::<bool>()).prop_map(|(one, suspect)| Event::Released(one, suspect)),
        4 => (one(), any::<bool>()).prop_map(|(one, well)| Event::Checked(one, well)),
        4 => (1..60_000u64).prop_map(Event::Pass),
    ];
    prop::collection::vec(event, 1..300)
}

/// What an observer of the actions knows.
struct Model {
    policy: Policy,
    now: Instant,
    cap: usize,
    warm: bool,
    alive: BTreeMap<ProcessId, Key>,
    starting: BTreeSet<ProcessId>,
    stopping: BTreeSet<ProcessId>,
    checking: BTreeSet<ProcessId>,
    /// Whose process gets new leases.
    current: BTreeMap<String, ProcessId>,
    leases: Vec<ProcessId>,
    waiting: BTreeMap<WaiterId, (String, Instant)>,
    present: HashSet<String>,
}

fn pick<T: Copy>(all: impl Iterator<Item = T>, number: usize) -> Option<T> {
    let all: Vec<T> = all.collect();
    (!all.is_empty()).then(|| all[number % all.len()])
}

impl Model {
    fn new(cap: usize, warm: bool) -> Model {
        let mut settings = settings();
        settings.max_processes = cap;
        if warm {
            settings.warm.insert(WARM.to_owned());
        }
        let mut policy = Policy::new(settings);
        let now = Instant::now();
        policy.warm(now);
        Model {
            policy,
            now,
            cap,
            warm,
            alive: BTreeMap::new(),
            starting: BTreeSet::new(),
            stopping: BTreeSet::new(),
            checking: BTreeSet::new(),
            current: BTreeMap::new(),
            leases: Vec::new(),
            waiting: BTreeMap::new(),
            present: HashSet::new(),
        }
    }

    fn happen(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Set(key) => {
                let key = KEYS[key];
                self.current.remove(key);
                self.present.insert(key.to_owned());
                self.policy.set(key, now);
            }
            Event::Remove(key) => {
                let key = KEYS[key];
                self.current.remove(key);
                self.present.remove(key);
                self.policy.remove(key, now);
            }
            Event::Request(key, wait) => {
                let (key, deadline) = (KEYS[key], now + Duration::from_millis(wait));
                match self.policy.request(key, deadline, now) {
                    Answer::Granted(process) => {
                        assert!(!self.waits(key), "past those who wait");
                        self.take(process, key);
                    }
                    Answer::Queued(waiter) => {
                        self.waiting.insert(waiter, (key.to_owned(), deadline));
                    }
                    Answer::Refused(why) => {
                        let known = self.present.contains(key);
                        assert_eq!(why == Refusal::Unknown, !known);
                    }
                }
            }
            Event::Cancel(number) => {
                let Some(waiter) = pick(self.waiting.keys().copied(), number) else {
                    return;
                };
                self.waiting.remove(&waiter);
                self.policy.cancel(waiter, now);
            }
            Event::Started(number) => {
                let Some(process) = pick(self.starting.iter().copied(), number) else {
                    return;
                };
                self.starting.remove(&process);
                self.policy.started(process, now);
            }
            Event::StartFailed(number) => {
                let Some(process) = pick(self.starting.iter().copied(), number) else {
                    return;
                };
                self.gone(process);
                self.policy.start_failed(process, now);
            }
            Event::Exited(number) => {
                let starting = &self.starting;
                let ended = self
                    .alive
                    .keys()
                    .copied()
                    .filter(|it| !starting.contains(it));
                let Some(process) = pick(ended, number) else {
                    return;
                };
                self.gone(process);
                self.policy.exited(process, now);
            }
            Event::Released(number, suspect) => {
                if self.leases.is_empty() {
                    return;
                }
                let number = number % self.leases.len();
                let process = self.leases.swap_remove(number);
                self.policy.released(process, suspect, now);
            }
            Event::Checked(number, well) => {
                let Some(process) = pick(self.checking.iter().copied(), number) else {
                    return;
                };
                self.checking.remove(&process);
                if !well {
                    self.current.retain(|_, current| *current != process);
                }
                self.policy.checked(process, well, now);
            }
            Event::Pass(milliseconds) => {
                let until = now + Duration::from_millis(milliseconds);
                while let Some(next) = self.policy.next_timeout().filter(|next| *next <= until) {
                    self.now = next;
                    self.policy.tick(next);
                    assert_ne!(
                        self.policy.next_timeout(),
                        Some(next),
                        "it wakes for nothing"
                    );
                    self.perform();
                    let late = self
                        .waiting
                        .values()
                        .find(|(_, deadline)| *deadline <= next);
                    assert_eq!(late, None, "waits beyond the deadline");
                }
                self.now = until;
            }
        }
        self.perform();
        self.check();
    }

    fn gone(&mut self, process: ProcessId) {
        self.starting.remove(&process);
        self.stopping.remove(&process);
        self.checking.remove(&process);
        self.alive.remove(&process);
        self.current.retain(|_, current| *current != process);
    }

    fn waits(&self, key: &str) -> bool {
        self.waiting.values().any(|(waiting, _)| waiting == key)
    }

    fn in_flight(&self, process: ProcessId) -> usize {
        self.leases
            .iter()
            .filter(|lease| **lease == process)
            .count()
    }

    fn take(&mut self, process: ProcessId, key: &str) {
        assert_eq!(
            self.current.get(key),
            Some(&process),
            "not its current process"
        );
        assert!(!self.starting.contains(&process), "it does not answer yet");
        assert!(!self.checking.contains(&process), "it is being checked");
        assert!(!self.stopping.contains(&process), "it is on its way out");
        self.leases.push(process);
        assert!(self.in_flight(process) <= 4, "more calls than it takes");
    }

    fn perform(&mut self) {
        for action in self.policy.take_actions() {
            match action {
                Action::Start { key, process } => {
                    assert!(self.present.contains(&*key), "{key} is not there");
                    let before = self.current.insert(key.to_string(), process);
                    assert_eq!(before, None, "{key} runs already");
                    self.alive.insert(process, key);
                    self.starting.insert(process);
                    assert!(
                        self.cap == 0 || self.current.len() <= self.cap,
                        "beyond the cap"
                    );
                    assert!(
                        self.cap == 0 || self.alive.len() <= 2 * self.cap,
                        "far beyond"
                    );
                }
                Action::Grant { waiter, process } => {
                    let key = self.alive[&process].to_string();
                    let mut waiting = self.waiting.iter();
                    let first = waiting.find(|(_, (waiting, _))| *waiting == key);
                    assert_eq!(first.map(|(first, _)| *first), Some(waiter), "out of turn");
                    self.waiting.remove(&waiter);
                    self.take(process, &key);
                }
                Action::Refuse { waiter, .. } => {
                    assert!(self.waiting.remove(&waiter).is_some(), "answered twice");
                }
                Action::Check { process } => {
                    assert!(self.alive.contains_key(&process), "it is gone");
                    assert!(self.checking.insert(process), "checked twice at once");
                }
                Action::Stop { process, why } => {
                    assert!(self.stopping.insert(process), "stopped twice");
                    let key = &self.alive[&process];
                    if matches!(why, StopReason::Idle | StopReason::Evicted) {
                        assert!(!(self.warm && &**key == WARM), "a warm one went: {why:?}");
                        assert_eq!(self.in_flight(process), 0, "one in use went: {why:?}");
                    }
                    self.current.retain(|_, current| *current != process);
                }
                Action::Opened { .. } => {}
            }
        }
    }

    /// Nobody waits for what is there, and whoever waits will be heard of.
    fn check(&self) {
        let first = self.waiting.values().map(|(_, deadline)| *deadline).min();
        if let Some(first) = first {
            assert!(
                self.policy.next_timeout().is_some_and(|next| next <= first),
                "sleeps on"
            );
        }
        if self.cap != 0 && self.alive.len() >= 2 * self.cap {
            return;
        }
        let idle = |process: ProcessId| {
            !self.starting.contains(&process)
                && !self.checking.contains(&process)
                && self.in_flight(process) == 0
        };
        for (key, _) in self.waiting.values() {
            match self.current.get(key) {
                Some(process) => assert!(!idle(*process), "{key} is idle and waited for"),
                None => {
                    assert!(
                        self.cap != 0 && self.current.len() >= self.cap,
                        "{key}: no start"
                    );
                    let evictable = self.current.iter().find(|(other, process)| {
                        let warm = self.warm && *other == WARM;
                        idle(**process) && !warm && !self.waits(other)
                    });
                    assert_eq!(evictable, None, "{key}: no eviction");
                }
            }
        }
    }

    /// Everything comes to its end.
    fn finish(&mut self) {
        self.policy.shut_down(self.now);
        self.current.clear();
        self.perform();
        assert!(self.waiting.is_empty(), "left waiting");
        while let Some(process) = self.leases.pop() {
            self.policy.released(process, false, self.now);
            self.perform();
        }
        for process in self.alive.keys().copied().collect::<Vec<_>>() {
            assert!(self.stopping.contains(&process), "left running");
            self.gone(process);
            self.policy.exited(process, self.now);
            self.perform();
        }
        assert!(self.policy.is_empty());
        assert_eq!((self.policy.holding, self.policy.yielding), (0, 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_must_hold_holds_in_any_order(
        events in events(),
        cap in 0..4usize,
        warm in any::<bool>(),
    ) {
        let mut model = Model::new(cap, warm);
        for key in 0..3 {
            model.happen(Event::Set(key));
        }
        for event in events {
            model.happen(event);
        }
        model.finish();
    }
}
