//! What the tests stand on: tools of the machine, built programs, a data directory, a
//! server.
//!
//! | file | is |
//! |---|---|
//! | `tools.rs` | Chromium, ChromeDriver and axe, or the word that a test is skipped |
//! | `programs.rs` | the programs under test, built first where they are old |
//! | `home.rs` | a data directory with plugins and packages |
//! | `serving.rs` | a real `outboard serve` in it |

mod home;
mod programs;
mod serving;
mod tools;

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

pub(crate) use self::{
    home::Home,
    serving::Serving,
    tools::{Tools, axe, tools},
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
