//! The policy by itself, with a clock that only the test moves.

use super::*;
use crate::pool::breaker::BreakerState;

mod model;

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn settings() -> Settings {
    Settings {
        max_processes: 2,
        calls_per_process: 4,
        max_queue: 8,
        idle_timeout: Some(300 * SECOND),
        drain_timeout: 30 * SECOND,
        check_after: 30 * SECOND,
        check_every: 60 * SECOND,
        patience: SECOND / 2,
        breaker: BreakerPolicy::default(),
        warm: BTreeSet::new(),
    }
}

/// A policy with a clock that only the test moves.
struct Clocked {
    policy: Policy,
    now: Instant,
}

impl Clocked {
    fn new(keys: &[&str], change: impl FnOnce(&mut Settings)) -> Clocked {
        let mut settings = settings();
        change(&mut settings);
        let mut clocked = Clocked {
            policy: Policy::new(settings),
            now: Instant::now(),
        };
        for key in keys {
            clocked.policy.set(key, clocked.now);
        }
        clocked
    }

    fn request(&mut self, key: &str) -> Answer {
        self.policy.request(key, self.now + 10 * SECOND, self.now)
    }

    fn queued(&mut self, key: &str) -> WaiterId {
        match self.request(key) {
            Answer::Queued(waiter) => waiter,
            answer => panic!("{answer:?}"),
        }
    }

    fn granted(&mut self, key: &str) -> ProcessId {
        match self.request(key) {
            Answer::Granted(process) => process,
            answer => panic!("{answer:?}"),
        }
    }

    fn actions(&mut self) -> Vec<Action> {
        self.policy.take_actions()
    }

    /// The one process that is to be started now.
    fn start(&mut self) -> ProcessId {
        match &*self.actions() {
            [Action::Start { process, .. }] => *process,
            actions => panic!("{actions:?}"),
        }
    }

    /// Starts a connector that is not running, and gives the lease that this took back.
    fn run(&mut self, key: &str) -> ProcessId {
        self.queued(key);
        let process = self.start();
        self.policy.started(process, self.now);
        assert!(matches!(&*self.actions(), [Action::Grant { .. }]));
        self.release(process);
        process
    }

    fn release(&mut self, process: ProcessId) {
        self.policy.released(process, false, self.now);
    }

    /// Moves the clock, and rings where the policy asked for it.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(next) = self.policy.next_timeout().filter(|next| *next <= until) {
            assert!(next >= self.now, "it asked to be woken in the past");
            self.now = next;
            self.policy.tick(self.now);
            assert!(
                self.policy.next_timeout() != Some(next),
                "it wakes for nothing"
            );
        }
        self.now = until;
    }

    fn breaker(&self, key: &str) -> BreakerState {
        self.policy.view(key, self.now).unwrap().breaker
    }
}

fn grants(actions: &[Action]) -> Vec<WaiterId> {
    let waiter = |action: &Action| match action {
        Action::Grant { waiter, .. } => Some(*waiter),
        _ => None,
    };
    actions.iter().filter_map(waiter).collect()
}

fn refusals(actions: &[Action]) -> Vec<(WaiterId, Refusal)> {
    let refusal = |action: &Action| match action {
        Action::Refuse { waiter, why } => Some((*waiter, *why)),
        _ => None,
    };
    actions.iter().filter_map(refusal).collect()
}

fn stops(actions: &[Action]) -> Vec<(ProcessId, StopReason)> {
    let stop = |action: &Action| match action {
        Action::Stop { process, why } => Some((*process, *why)),
        _ => None,
    };
    actions.iter().filter_map(stop).collect()
}

#[test]
fn waiters_of_one_key_share_one_start() {
    let mut it = Clocked::new(&["a"], |_| {});
    let first = it.queued("a");
    let process = it.start();
    let (second, third) = (it.queued("a"), it.queued("a"));
    assert_eq!(it.actions(), []);
    it.policy.started(process, it.now);
    assert_eq!(grants(&it.actions()), [first, second, third]);
    assert_eq!(it.granted("a"), process);
}

#[test]
fn a_start_that_fails_fails_them_all_and_opens_the_breaker() {
    let mut it = Clocked::new(&["a"], |_| {});
    let first = it.queued("a");
    let process = it.start();
    let second = it.queued("a");
    it.policy.start_failed(process, it.now);
    let actions = it.actions();
    let why = Refusal::StartFailed;
    assert_eq!(refusals(&actions), [(first, why), (second, why)]);
    let opened = |action: &Action| matches!(action, Action::Opened { failures: 1, delay, .. } if *delay == SECOND);
    assert!(actions.iter().any(opened), "{actions:?}");
    let until = it.now + SECOND;
    assert_eq!(it.request("a"), Answer::Refused(Refusal::Resting { until }));
}

#[test]
fn after_its_time_one_trial_decides_and_takes_one_call_at_a_time() {
    let mut it = Clocked::new(&["a"], |_| {});
    it.queued("a");
    let process = it.start();
    it.policy.start_failed(process, it.now);
    it.actions();
    it.pass(SECOND);
    assert_eq!(it.breaker("a"), BreakerState::HalfOpen);
    let (first, second) = (it.queued("a"), it.queued("a"));
    let trial = it.start();
    it.policy.started(trial, it.now);
    assert_eq!(grants(&it.actions()), [first]);
    it.release(trial);
    assert_eq!(grants(&it.actions()), [second]);
    assert_eq!(it.granted("a"), trial, "it has proved itself");

    // A crash in the first seconds counts on from there.
    it.policy.exited(trial, it.now);
    assert!(it.actions().iter().any(|action| {
        matches!(action, Action::Opened { failures: 2, delay, .. } if *delay == 2 * SECOND)
    }));
}

#[test]
fn another_program_closes_the_breaker_and_keeps_the_queue() {
    let mut it = Clocked::new(&["a"], |_| {});
    it.queued("a");
    let process = it.start();
    it.policy.start_failed(process, it.now);
    it.actions();
    it.policy.set("a", it.now);
    assert_eq!(it.breaker("a"), BreakerState::Closed);
    let waiter = it.queued("a");
    let old = it.start();
    it.policy.set("a", it.now);
    let actions = it.actions();
    assert_eq!(stops(&actions), [(old, StopReason::Replaced)]);
    let new = actions.iter().find_map(|action| match action {
        Action::Start { process, .. } => Some(*process),
        _ => None,
    });
    it.policy.exited(old, it.now);
    it.policy.started(new.unwrap(), it.now);
    assert_eq!(grants(&it.actions()), [waiter]);
}

#[test]
fn a_crash_is_followed_by_a_restart_at_the_next_call() {
    let mut it = Clocked::new(&["a"], |_| {});
    let process = it.run("a");
    it.granted("a");
    it.policy.exited(process, it.now);
    assert_eq!(it.actions(), []);
    it.queued("a");
    let next = it.start();
    assert_ne!(next, process);
    // The lease of the first is given back late, and counts nowhere.
    it.release(process);
    it.policy.started(next, it.now);
    it.actions();
    assert_eq!(it.policy.view("a", it.now).unwrap().in_flight, 1);
    assert_eq!(it.policy.view("a", it.now).unwrap().crashes, 1);
}

#[test]
fn those_who_wait_for_a_connector_that_crashes_too_often_are_refused() {
    let mut it = Clocked::new(&["a"], |settings| settings.calls_per_process = 1);
    for round in 0..2 {
        it.queued("a");
        let process = it.start();
        it.policy.started(process, it.now);
        it.actions();
        let waiter = it.queued("a");
        it.policy.exited(process, it.now);
        if round == 0 {
            // The first crash is free: a new process for whoever waits.
            let next = it.start();
            it.policy.start_failed(next, it.now);
            assert_eq!(refusals(&it.actions()), [(waiter, Refusal::StartFailed)]);
            it.pass(SECOND);
        } else {
            let until = it.now + 2 * SECOND;
            assert_eq!(
                refusals(&it.actions()),
                [(waiter, Refusal::Resting { until })]
            );
        }
    }
}

#[test]
fn the_queue_is_first_in_first_out_and_bounded() {
    let mut it = Clocked::new(&["a"], |settings| settings.calls_per_process = 1);
    let process = it.run("a");
    it.granted("a");
    let waiters: Vec<WaiterId> = (0..8).map(|_| it.queued("a")).collect();
    assert_eq!(it.request("a"), Answer::Refused(Refusal::QueueFull));
    it.policy.cancel(waiters[3], it.now);
    let mut order = Vec::new();
    for _ in 0..7 {
        it.release(process);
        order.extend(grants(&it.actions()));
    }
    let mut expected = waiters.clone();
    expected.remove(3);
    assert_eq!(order, expected);
}

#[test]
fn whoever_waits_too_long_is_told_for_what() {
    let mut it = Clocked::new(&["a", "b", "c"], |settings| {
        settings.calls_per_process = 1;
        // Nobody yields in this test.
        settings.patience = 1000 * SECOND;
    });
    it.queued("a");
    let starting = it.start();
    it.pass(10 * SECOND);
    let told = |it: &mut Clocked| match &*refusals(&it.actions()) {
        [(_, Refusal::TimedOut { waited, reason })] => (*waited, *reason),
        other => panic!("{other:?}"),
    };
    assert_eq!(told(&mut it), (10 * SECOND, WaitReason::Starting));

    it.policy.started(starting, it.now);
    it.granted("a");
    it.queued("a");
    it.pass(10 * SECOND);
    assert_eq!(told(&mut it), (10 * SECOND, WaitReason::Concurrency));

    it.run("b");
    it.granted("b");
    it.queued("c");
    it.pass(10 * SECOND);
    assert_eq!(told(&mut it), (10 * SECOND, WaitReason::Slot));
}

#[test]
fn the_one_used_longest_ago_makes_room_and_a_busy_one_never_does() {
    let mut it = Clocked::new(&["a", "b", "c", "d"], |_| {});
    let a = it.run("a");
    it.now += SECOND;
    let b = it.run("b");
    it.now += SECOND;
    let lease = it.granted("a");
    it.release(lease);
    it.queued("c");
    let actions = it.actions();
    assert_eq!(stops(&actions), [(b, StopReason::Evicted)]);
    assert!(matches!(&actions[1], Action::Start { key, .. } if &**key == "c"));
    it.granted("a");
    it.queued("d");
    assert_eq!(it.actions(), [], "one starts and one is busy");
    it.release(a);
    assert_eq!(stops(&it.actions()), [(a, StopReason::Evicted)]);
}

#[test]
fn a_process_that_is_slow_to_stop_holds_no_place() {
    let mut it = Clocked::new(&["a", "b", "c", "d", "e"], |_| {});
    let (a, b) = (it.run("a"), it.run("b"));
    for (key, evicted) in [("c", a), ("d", b)] {
        it.queued(key);
        let actions = it.actions();
        assert_eq!(stops(&actions), [(evicted, StopReason::Evicted)]);
        assert!(matches!(actions[1], Action::Start { .. }));
    }
    // And yet no more than twice the cap are there at once.
    it.queued("e");
    assert_eq!(it.actions(), []);
    it.policy.exited(a, it.now);
    assert_eq!(it.actions(), [], "the two that start are not idle");
}

#[test]
fn no_cap_means_none() {
    let keys = ["a", "b", "c", "d", "e"];
    let mut it = Clocked::new(&keys, |settings| settings.max_processes = 0);
    for key in keys {
        it.run(key);
    }
    assert_eq!(it.actions(), []);
}

#[test]
fn idle_processes_are_reaped_exactly_when_their_time_is_over() {
    let mut it = Clocked::new(&["a", "b"], |settings| {
        settings.check_every = 1000 * SECOND;
    });
    let a = it.run("a");
    it.pass(100 * SECOND);
    let b = it.run("b");
    it.pass(200 * SECOND - Duration::from_nanos(1));
    assert_eq!(it.actions(), []);
    it.pass(Duration::from_nanos(1));
    assert_eq!(
        it.actions(),
        [Action::Stop {
            process: a,
            why: StopReason::Idle
        }]
    );
    it.policy.exited(a, it.now);
    it.pass(100 * SECOND);
    assert_eq!(
        it.actions(),
        [Action::Stop {
            process: b,
            why: StopReason::Idle
        }]
    );
    assert_eq!(it.policy.view("b", it.now).unwrap().crashes, 0);
}

#[test]
fn an_idle_time_of_zero_stops_at_once_and_none_never_does() {
    let mut it = Clocked::new(&["a"], |settings| {
        settings.idle_timeout = Some(Duration::ZERO)
    });
    let process = it.run("a");
    it.pass(Duration::ZERO);
    assert_eq!(stops(&it.actions()), [(process, StopReason::Idle)]);

    let mut it = Clocked::new(&["a"], |settings| {
        settings.idle_timeout = None;
        settings.check_every = 1_000_000 * SECOND;
    });
    it.run("a");
    it.pass(900_000 * SECOND);
    assert_eq!(it.actions(), []);
}

#[test]
fn the_warm_set_starts_together_stays_and_comes_back_after_a_crash() {
    let mut it = Clocked::new(&["a", "b", "c"], |settings| {
        settings.max_processes = 3;
        settings.warm = ["a", "b"].map(str::to_owned).into();
    });
    assert_eq!(it.actions(), [], "not before it is asked for");
    it.policy.warm(it.now);
    let started: Vec<ProcessId> = it
        .actions()
        .iter()
        .map(|action| match action {
            Action::Start { process, .. } => *process,
            other => panic!("{other:?}"),
        })
        .collect();
    let [a, b] = *started else {
        panic!("{started:?}")
    };
    it.policy.started(a, it.now);
    it.policy.started(b, it.now);
    let c = it.run("c");
    // Long idle: only the one that is not warm goes.
    for _ in 0..10 {
        it.pass(60 * SECOND);
        for action in it.actions() {
            match action {
                Action::Check { process } => it.policy.checked(process, true, it.now),
                Action::Stop { process, why } => {
                    assert_eq!((process, why), (c, StopReason::Idle));
                    it.policy.exited(c, it.now);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    it.policy.exited(a, it.now);
    let again = it.start();
    it.policy.start_failed(again, it.now);
    it.actions();
    it.pass(SECOND - Duration::from_nanos(1));
    assert_eq!(it.actions(), []);
    it.pass(Duration::from_nanos(1));
    it.start();
}

#[test]
fn warm_processes_make_no_room_for_others() {
    let mut it = Clocked::new(&["a", "b", "c"], |settings| {
        settings.warm = ["a", "b"].map(str::to_owned).into();
    });
    it.policy.warm(it.now);
    for action in it.actions() {
        if let Action::Start { process, .. } = action {
            it.policy.started(process, it.now);
        }
    }
    let waiter = it.queued("c");
    it.pass(10 * SECOND);
    let refused = refusals(&it.actions());
    assert!(
        matches!(&*refused, [(one, Refusal::TimedOut { reason: WaitReason::Slot, .. })] if *one == waiter),
        "{refused:?}"
    );
}

#[test]
fn a_replaced_process_lives_until_its_leases_end() {
    let mut it = Clocked::new(&["a"], |_| {});
    let old = it.run("a");
    it.granted("a");
    it.granted("a");
    it.policy.set("a", it.now);
    assert_eq!(it.actions(), []);
    it.queued("a");
    let new = it.start();
    it.policy.started(new, it.now);
    assert_eq!(grants(&it.actions()).len(), 1);
    it.release(old);
    assert_eq!(it.actions(), []);
    it.release(old);
    assert_eq!(stops(&it.actions()), [(old, StopReason::Replaced)]);
    assert_eq!(it.policy.view("a", it.now).unwrap().leaving, 1);
    it.policy.exited(old, it.now);
    assert_eq!(it.policy.view("a", it.now).unwrap().crashes, 0);
}

#[test]
fn a_process_that_does_not_drain_in_time_is_stopped() {
    let mut it = Clocked::new(&["a"], |_| {});
    let old = it.run("a");
    it.granted("a");
    it.policy.remove("a", it.now);
    assert_eq!(it.request("a"), Answer::Refused(Refusal::Unknown));
    it.pass(30 * SECOND - Duration::from_nanos(1));
    assert_eq!(it.actions(), []);
    it.pass(Duration::from_nanos(1));
    assert_eq!(stops(&it.actions()), [(old, StopReason::Removed)]);
    it.policy.exited(old, it.now);
    assert!(it.policy.is_empty());
}

#[test]
fn removing_refuses_those_who_wait_and_ends_a_start() {
    let mut it = Clocked::new(&["a"], |_| {});
    let waiter = it.queued("a");
    let process = it.start();
    it.policy.remove("a", it.now);
    let actions = it.actions();
    assert_eq!(refusals(&actions), [(waiter, Refusal::Removed)]);
    assert_eq!(stops(&actions), [(process, StopReason::Removed)]);
    // It may have come up in this very moment.
    it.policy.started(process, it.now);
    assert_eq!(it.actions(), []);
}

#[test]
fn a_process_that_was_silent_is_checked_before_it_is_used() {
    let mut it = Clocked::new(&["a"], |_| {});
    let process = it.run("a");
    it.pass(30 * SECOND - Duration::from_nanos(1));
    it.granted("a");
    it.release(process);
    it.pass(30 * SECOND);
    let (first, second) = (it.queued("a"), it.queued("a"));
    assert_eq!(it.actions(), [Action::Check { process }]);
    it.policy.checked(process, true, it.now);
    assert_eq!(grants(&it.actions()), [first, second]);
    it.release(process);
    it.release(process);

    it.pass(30 * SECOND);
    let waiter = it.queued("a");
    assert_eq!(it.actions(), [Action::Check { process }]);
    it.policy.checked(process, false, it.now);
    let actions = it.actions();
    assert_eq!(stops(&actions), [(process, StopReason::Unhealthy)]);
    let Some(Action::Start { process: next, .. }) = actions.last() else {
        panic!("{actions:?}")
    };
    let next = *next;
    it.policy.started(next, it.now);
    assert_eq!(grants(&it.actions()), [waiter]);
}

#[test]
fn idle_processes_are_checked_now_and_then() {
    let mut it = Clocked::new(&["a"], |_| {});
    let process = it.run("a");
    for _ in 0..4 {
        it.pass(60 * SECOND);
        assert_eq!(it.actions(), [Action::Check { process }]);
        it.policy.checked(process, true, it.now);
    }
    it.pass(60 * SECOND);
    // Being checked is no use.
    assert_eq!(stops(&it.actions()), [(process, StopReason::Idle)]);
}

#[test]
fn a_process_that_left_a_call_without_an_answer_is_checked_before_the_next() {
    let mut it = Clocked::new(&["a"], |_| {});
    let process = it.run("a");
    it.granted("a");
    it.granted("a");
    it.policy.released(process, true, it.now);
    let waiter = it.queued("a");
    assert_eq!(it.actions(), [Action::Check { process }]);
    it.policy.checked(process, true, it.now);
    assert_eq!(grants(&it.actions()), [waiter]);
    it.granted("a");
}

#[test]
fn a_waiter_for_a_place_is_not_starved_by_connectors_that_are_always_busy() {
    let mut it = Clocked::new(&["a", "b", "c"], |_| {});
    let (a, b) = (it.run("a"), it.run("b"));
    it.granted("a");
    it.now += Duration::from_millis(1);
    it.granted("b");
    let starved = it.queued("c");
    it.pass(SECOND / 2);
    // The one that has had its turn longest gets no further leases.
    let behind = it.queued("a");
    it.granted("b");
    assert_eq!(it.actions(), []);
    it.release(a);
    let actions = it.actions();
    assert_eq!(stops(&actions), [(a, StopReason::Evicted)]);
    let Some(Action::Start { key, process }) = actions.last() else {
        panic!("{actions:?}")
    };
    assert_eq!(&**key, "c");
    let c = *process;
    it.policy.started(c, it.now);
    assert_eq!(grants(&it.actions()), [starved]);
    it.release(c);
    // Who had to yield is next.
    let actions = it.actions();
    assert_eq!(stops(&actions), [(c, StopReason::Evicted)]);
    let Some(Action::Start { process, .. }) = actions.last() else {
        panic!("{actions:?}")
    };
    let again = *process;
    it.policy.started(again, it.now);
    assert_eq!(grants(&it.actions()), [behind]);
    let _ = b;
}

#[test]
fn nobody_yields_any_more_when_nobody_needs_it() {
    let mut it = Clocked::new(&["a", "b", "c"], |_| {});
    it.run("a");
    it.run("b");
    it.granted("a");
    it.granted("b");
    let starved = it.queued("c");
    it.pass(SECOND / 2);
    let behind = it.queued("a");
    it.policy.cancel(starved, it.now);
    assert_eq!(grants(&it.actions()), [behind]);
    it.granted("a");
}

#[test]
fn those_who_cannot_go_on_for_their_own_connectors_sake_block_nobody() {
    let mut it = Clocked::new(&["a", "b"], |settings| settings.calls_per_process = 1);
    it.queued("a");
    it.start();
    for _ in 0..7 {
        it.queued("a");
    }
    // It starts and starts; the other does not notice.
    let b = it.run("b");
    for _ in 0..100 {
        assert_eq!(it.granted("b"), b);
        it.release(b);
    }
    assert_eq!(it.actions(), []);
}

#[test]
fn shutting_down_refuses_all_and_drains() {
    let mut it = Clocked::new(&["a", "b"], |settings| settings.calls_per_process = 1);
    let (a, b) = (it.run("a"), it.run("b"));
    it.granted("a");
    let waiter = it.queued("a");
    it.policy.shut_down(it.now);
    let actions = it.actions();
    assert_eq!(refusals(&actions), [(waiter, Refusal::ShuttingDown)]);
    assert_eq!(stops(&actions), [(b, StopReason::ShuttingDown)]);
    assert_eq!(it.request("b"), Answer::Refused(Refusal::ShuttingDown));
    it.policy.exited(b, it.now);
    it.policy.shut_down(it.now);
    assert_eq!(it.actions(), [], "a second time is once");
    it.release(a);
    assert_eq!(stops(&it.actions()), [(a, StopReason::ShuttingDown)]);
    it.policy.exited(a, it.now);
    assert!(it.policy.is_empty());
}
