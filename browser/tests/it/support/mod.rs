//! What the tests stand on: tools of the machine, built programs, a data directory, a
//! server.
//!
//! | file | is |
//! |---|---|
//! | `tools.rs` | Chromium, ChromeDriver and axe, or the word that a test is skipped |
//! | `programs.rs` | the programs under test, built first where they are old |
//! | `home.rs` | a data directory with plugins and packages |
//! | `serving.rs` | a real `outboard serve` in it |
//! | `api.rs` | requests past the browser |
//! | `world.rs` | a server with ten plugins in mixed states, and one with none |

mod api;
mod home;
mod programs;
mod serving;
mod tools;
mod world;

use std::{
    env,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

pub(crate) use self::{
    api::Api,
    home::Home,
    serving::Serving,
    tools::{Tools, axe, tools},
    world::World,
};

/// How long anything may take before the test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Where cargo builds.
pub(crate) fn target_directory() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from)
}

/// Waits until something is there, and says what it was for if it never is.
#[track_caller]
pub(crate) fn wait_until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let until = Instant::now() + DEADLINE;
    loop {
        if let Some(value) = look() {
            return value;
        }
        assert!(Instant::now() < until, "not within {DEADLINE:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
