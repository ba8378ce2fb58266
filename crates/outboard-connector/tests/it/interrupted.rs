//! An installer that is killed leaves the old package or the new one, whole.
//!
//! The test program runs itself once more as the installer, and ends it with SIGKILL: at
//! every named step of every kind of change, then at random moments.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use outboard_connector::{
    package::Package,
    store::{STEPS, Store},
    trust::Trust,
};

use crate::packages::{self, Place, assert_whole, request};

const PLACE: &str = "TEST_INSTALLER_PLACE";
const CHANGE: &str = "TEST_INSTALLER_CHANGE";
const STEP: &str = "TEST_INSTALLER_STEP";
const JOURNAL: &str = "TEST_INSTALLER_JOURNAL";

/// Not a test of its own: what the others run, in a process of its own.
#[test]
fn installer() {
    let Some(place) = env::var_os(PLACE) else {
        return;
    };
    let place = Path::new(&place);
    let step = env::var(STEP).unwrap_or_default();
    let started = AtomicBool::new(false);
    let store = packages::open(place).with_step_hook(move |name| {
        if !started.swap(true, Ordering::Relaxed) {
            println!("started");
            std::io::stdout().flush().unwrap();
        }
        if name == step {
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
                .unwrap();
        }
    });
    if let Some(journal) = env::var_os(JOURNAL) {
        // Put there after opening, so that the recovery is one whose steps are seen.
        std::fs::rename(journal, place.join("connectors/.journal")).unwrap();
    }
    change(&store, place, &env::var(CHANGE).unwrap());
}

fn change(store: &Store, place: &Path, what: &str) {
    match what.split_once(' ') {
        Some(("install", package)) => {
            let package = store
                .open_package(&place.join("packages").join(package), &|| false)
                .unwrap();
            store.install(&package, &request(), &|_| {}).unwrap();
        }
        Some(("rollback", key)) => drop(store.rollback(key, &Trust::new()).unwrap()),
        Some(("remove", key)) => store.remove(key).unwrap(),
        _ => panic!("{what}"),
    }
}

/// Starts the installer, and waits until it has begun.
fn start(place: &Path, change: &str, step: &str) -> Child {
    start_with(place, change, step, None)
}

fn start_with(place: &Path, change: &str, step: &str, journal: Option<&Path>) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    if let Some(journal) = journal {
        command.env(JOURNAL, journal);
    }
    let mut child = command
        .args([
            "--exact",
            "interrupted::installer",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(PLACE, place)
        .env(CHANGE, change)
        .env(STEP, step)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let begun = lines
        .map_while(Result::ok)
        .any(|line| line.ends_with("started"));
    assert!(
        begun,
        "the installer said nothing: {:?}",
        child.wait_with_output()
    );
    child
}

/// Whether the installer was killed, as against having done its work.
fn was_killed(child: Child) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    let output = child.wait_with_output().unwrap();
    if output.status.signal() == Some(9) {
        return true;
    }
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    false
}

/// Opens the store as the next process does, and checks that nothing is left over.
fn reopened(place: &Place) -> Store {
    let store = packages::open(&place.path("."));
    let staging = place.path("connectors/.staging");
    assert!(std::fs::read_dir(staging).map_or(0, Iterator::count) == 0);
    assert!(!place.path("connectors/.journal").exists());
    for found in store.scan() {
        let installed = found.installed.unwrap();
        // No versions but those that `current` names, and no files beside it.
        let versions = store.versions(&installed.key).unwrap();
        assert!(versions.iter().all(|version| version.installed.is_ok()));
        let home = place.path("connectors").join(&installed.key);
        if !installed.flat {
            assert_eq!(
                std::fs::read_dir(home).unwrap().count(),
                2,
                "current and versions"
            );
        }
    }
    store
}

/// What one change makes of the store: each state that may be found after it was cut off.
struct Case {
    change: &'static str,
    prepare: fn(&Place),
    before: Option<&'static str>,
    after: Option<&'static str>,
    /// The version under which the lock file has it before, which none has that lies flat.
    locked_before: bool,
    steps: &'static [&'static str],
}

const CASES: [Case; 6] = [
    Case {
        change: "install echo-1.0.0",
        prepare: |place| drop(place.package("echo", "1.0.0")),
        before: None,
        after: Some("1.0.0"),
        locked_before: false,
        steps: &[
            "slot",
            "copied",
            "staged",
            "journal-written",
            "journal",
            "directories",
            "placed",
            "lock-written",
            "locked",
            "current-written",
            "current",
            "flat-removed",
            "pruned",
            "done",
        ],
    },
    Case {
        change: "install echo-1.1.0",
        prepare: |place| {
            for version in ["0.7.0", "0.8.0", "1.0.0"] {
                place.install("echo", version).unwrap();
            }
            place.package("echo", "1.1.0");
        },
        before: Some("1.0.0"),
        after: Some("1.1.0"),
        locked_before: true,
        steps: &[
            "slot",
            "copied",
            "staged",
            "journal-written",
            "journal",
            "directories",
            "placed",
            "lock-written",
            "locked",
            "current-written",
            "current",
            "pruned",
            "done",
        ],
    },
    Case {
        change: "install echo-1.0.0",
        prepare: |place| {
            let program = packages::program("echo", "0.9.0");
            let manifest = packages::manifest("echo", "0.9.0", &program);
            packages::write(&place.path("connectors/echo"), &manifest, &program);
            place.package("echo", "1.0.0");
        },
        before: Some("0.9.0"),
        after: Some("1.0.0"),
        locked_before: false,
        steps: &[
            "journal",
            "directories",
            "flat-kept",
            "placed",
            "locked",
            "current",
            "flat-removed",
            "pruned",
            "done",
        ],
    },
    Case {
        change: "rollback echo",
        prepare: |place| {
            place.install("echo", "1.0.0").unwrap();
            place.install("echo", "1.1.0").unwrap();
        },
        before: Some("1.1.0"),
        after: Some("1.0.0"),
        locked_before: true,
        steps: &[
            "journal-written",
            "journal",
            "lock-written",
            "locked",
            "current-written",
            "current",
            "done",
        ],
    },
    Case {
        change: "remove echo",
        prepare: |place| drop(place.install("echo", "1.0.0").unwrap()),
        before: Some("1.0.0"),
        after: None,
        locked_before: true,
        steps: &[
            "slot",
            "journal-written",
            "journal",
            "lock-written",
            "locked",
            "moved-away",
            "done",
        ],
    },
    Case {
        change: "install echo.zip",
        prepare: |place| {
            place.install("echo", "1.0.0").unwrap();
            let package = place.package("echo", "1.1.0");
            let archive =
                outboard_connector::package::pack::pack(package.directory(), &place.path("packed"))
                    .unwrap();
            std::fs::rename(archive, place.path("packages/echo.zip")).unwrap();
        },
        before: Some("1.0.0"),
        after: Some("1.1.0"),
        locked_before: true,
        steps: &["slot", "staged", "current", "done"],
    },
];

#[test]
fn killed_at_any_step_it_leaves_the_old_package_or_the_new_one() {
    let mut seen = std::collections::BTreeSet::new();
    for case in &CASES {
        for step in case.steps {
            assert!(STEPS.contains(step));
            seen.insert(*step);
            let place = Place::new();
            (case.prepare)(&place);
            let child = start(&place.path("."), case.change, step);
            assert!(was_killed(child), "{} passes {step}", case.change);
            let store = reopened(&place);
            // What decides is passed or not, and nothing between.
            let decided = match case.change.split_once(' ') {
                Some(("remove", _)) => ["moved-away", "done"].contains(step),
                _ => ["current", "flat-removed", "pruned", "done"].contains(step),
            };
            let expected = if decided { case.after } else { case.before };
            assert_state(&store, case, expected, &format!("{} {step}", case.change));
            // And the change can be made now.
            if !decided {
                change(&store, &place.path("."), case.change);
                assert_state(&reopened(&place), case, case.after, "once more");
            }
        }
    }
    let others = STEPS.into_iter().filter(|step| !seen.contains(step));
    assert!(
        others.eq(["restored", "undone"]),
        "the next test tries these"
    );
}

#[test]
fn killed_while_it_settles_what_another_left_it_leaves_the_same() {
    let flat = &CASES[2];
    for (first, second, expected) in [
        ("placed", "restored", "0.9.0"),
        ("placed", "undone", "0.9.0"),
        ("placed", "done", "0.9.0"),
        ("locked", "restored", "0.9.0"),
        ("current", "flat-removed", "1.0.0"),
        ("current", "pruned", "1.0.0"),
        ("pruned", "done", "1.0.0"),
    ] {
        let place = Place::new();
        (flat.prepare)(&place);
        assert!(was_killed(start(&place.path("."), flat.change, first)));
        let journal = place.path("journal");
        std::fs::rename(place.path("connectors/.journal"), &journal).unwrap();
        let child = start_with(&place.path("."), flat.change, second, Some(&journal));
        assert!(was_killed(child), "{first}, then {second}");
        let store = reopened(&place);
        assert_state(
            &store,
            flat,
            Some(expected),
            &format!("{first}, then {second}"),
        );
    }
}

fn assert_state(store: &Store, case: &Case, expected: Option<&str>, context: &str) {
    let locked = store.lock_file().unwrap();
    match expected {
        None => {
            assert!(store.scan().is_empty(), "{context}");
            assert!(locked.connectors.is_empty(), "{context}");
        }
        Some(version) if expected == case.before && !case.locked_before => {
            assert_eq!(store.get("echo").unwrap().version, version, "{context}");
            store.verify("echo", &Trust::new()).unwrap();
            assert!(locked.connectors.is_empty(), "{context}");
        }
        Some(version) => assert_whole(store, "echo", version),
    }
}

#[test]
fn killed_at_two_hundred_random_moments_it_leaves_the_old_package_or_the_new_one() {
    let place = Place::new();
    place.install("echo", "1.0.0").unwrap();
    place.package("echo", "1.1.0");
    let here = place.path(".");
    // How long a whole installation takes, from its first step to its end.
    let mut longest = Duration::ZERO;
    for _ in 0..3 {
        let child = start(&here, "install echo-1.1.0", "");
        let begun = Instant::now();
        assert!(!was_killed(child));
        longest = longest.max(begun.elapsed());
        place.store.rollback("echo", &Trust::new()).unwrap();
    }
    let (mut old, mut new) = (0, 0);
    let mut state = 0x2545_f491_u32;
    for _ in 0..200 {
        let mut child = start(&here, "install echo-1.1.0", "");
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let moment = longest.mul_f64(f64::from(state) / f64::from(u32::MAX));
        let begun = Instant::now();
        while begun.elapsed() < moment {
            std::hint::spin_loop();
        }
        // It may be done already.
        let _ = child.kill();
        was_killed(child);
        let store = reopened(&place);
        if store.get("echo").unwrap().version == "1.0.0" {
            assert_whole(&store, "echo", "1.0.0");
            old += 1;
        } else {
            assert_whole(&store, "echo", "1.1.0");
            store.rollback("echo", &Trust::new()).unwrap();
            new += 1;
        }
    }
    println!(
        "{old} times the old package, {new} times the new one; an installation took up to {longest:?}"
    );
    assert!(old > 0 && new > 0, "{old} {new}");
    let package = Package::open(&place.path("packages/echo-1.1.0")).unwrap();
    let store = reopened(&place);
    store.install(&package, &request(), &|_| {}).unwrap();
    assert_whole(&store, "echo", "1.1.0");
}
