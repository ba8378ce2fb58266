//! The programs under test, built before the first test where they are older than their
//! sources.

use std::{
    collections::HashMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::SystemTime,
};

use super::{repository, target_directory};

/// Packages with a program of their name, and what its code lies in.
const PROGRAMS: &[(&str, &[&str])] = &[
    (
        "outboard",
        &[
            "crates/outboard",
            "crates/outboard-server",
            "crates/outboard-workflow",
            "crates/outboard-connector",
            "crates/outboard-contracts",
            "crates/outboard-go-plugin",
        ],
    ),
    ("hello-plugin", SDK),
    ("store-plugin", SDK),
    ("rest-connector", SDK),
    ("sql-connector", SDK),
];

const SDK: &[&str] = &[
    "crates/outboard-sdk",
    "crates/outboard-contracts",
    "crates/outboard-go-plugin",
];

/// What of a package ends up in its program.
const CODE: &[&str] = &["src", "templates", "assets"];

/// A program of the workspace.
pub(crate) fn program(name: &str) -> PathBuf {
    static BUILT: OnceLock<Result<HashMap<&str, PathBuf>, String>> = OnceLock::new();
    let built = BUILT.get_or_init(build_old_ones);
    let built = built.as_ref().unwrap_or_else(|problem| panic!("{problem}"));
    let program = built.get(name);
    program
        .unwrap_or_else(|| panic!("{name} is in no list of programs"))
        .clone()
}

fn build_old_ones() -> Result<HashMap<&'static str, PathBuf>, String> {
    let mut directory = env::current_exe().unwrap();
    directory.pop();
    directory.pop();
    let built = |name: &str| directory.join(name);
    let old: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(name, packages)| {
            let made = built(name).metadata().and_then(|file| file.modified());
            let example = format!("examples/{name}");
            let own = std::iter::once(example.as_str());
            let changed = own.chain(packages.iter().copied()).flat_map(|package| {
                CODE.iter()
                    .filter_map(move |part| newest(&repository().join(package).join(part)))
            });
            made.ok() <= changed.max()
        })
        .map(|(name, _)| *name)
        .collect();
    if !old.is_empty() {
        let profile = match directory.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(name) => name,
        };
        let cargo = env::var_os("CARGO").unwrap_or("cargo".into());
        let mut command = Command::new(cargo);
        command.args(["build", "--quiet", "--profile", profile, "--target-dir"]);
        command.arg(directory.parent().unwrap());
        command.args(old.iter().flat_map(|name| ["--package", name]));
        let status = command.current_dir(repository()).status().unwrap();
        if !status.success() {
            return Err(format!("cannot build {old:?}"));
        }
    }
    Ok(PROGRAMS
        .iter()
        .map(|(name, _)| (*name, without_symbols(name, &built(name))))
        .collect())
}

/// A copy without symbols where there is a `strip`, as there is beside most C compilers:
/// plugins are hashed and packed again and again, and symbols are nine tenths of them.
fn without_symbols(name: &str, program: &Path) -> PathBuf {
    if name == "outboard" {
        return program.to_owned();
    }
    let directory = scratch();
    let stripped = directory.join(name);
    if newest(&stripped) > newest(program) {
        return stripped;
    }
    // Renamed when it is whole, for whoever runs the same tests beside these.
    let unfinished = directory.join(format!("{name}.{}", std::process::id()));
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(&unfinished).arg(program);
    if !strip.status().is_ok_and(|status| status.success()) {
        return program.to_owned();
    }
    fs::rename(&unfinished, &stripped).unwrap();
    stripped
}

/// Where what is made once for all tests lies.
pub(crate) fn scratch() -> PathBuf {
    let directory = target_directory().join("browser");
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// When something below a path was last changed.
fn newest(path: &Path) -> Option<SystemTime> {
    if !path.is_dir() {
        return path.metadata().ok()?.modified().ok();
    }
    let entries = fs::read_dir(path).ok()?;
    let times = entries.map(|entry| newest(&entry.ok()?.path()));
    times.max().flatten()
}
