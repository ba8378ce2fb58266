//! Chromium, ChromeDriver and axe: where they are, or that a test is skipped without them.

use std::{env, fs, path::PathBuf, sync::OnceLock};

use super::{repository, target_directory};

/// The programs of a browser.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    pub(crate) chromium: PathBuf,
    pub(crate) chromedriver: PathBuf,
}

/// The browser of this machine; `None` after saying that the running test is skipped.
///
/// # Panics
///
/// When it is missing and `OUTBOARD_BROWSER=require`.
pub(crate) fn tools() -> Option<Tools> {
    let chromium = program(
        "OUTBOARD_CHROMIUM",
        &["chromium", "chromium-browser", "google-chrome"],
    );
    let chromedriver = program("OUTBOARD_CHROMEDRIVER", &["chromedriver"]);
    match (chromium, chromedriver) {
        (Some(chromium), Some(chromedriver)) => Some(Tools {
            chromium,
            chromedriver,
        }),
        (None, _) => missing("chromium (Debian: apt-get install chromium)"),
        (_, None) => missing("chromedriver (Debian: apt-get install chromium-driver)"),
    }
}

/// The accessibility checker's script; `None` after saying that a test is skipped.
///
/// # Panics
///
/// When it is missing and `OUTBOARD_BROWSER=require`.
pub(crate) fn axe() -> Option<&'static str> {
    static READ: OnceLock<Option<String>> = OnceLock::new();
    let read = READ.get_or_init(|| {
        let usual = || target_directory().join("axe/axe_playwright_python/axe.min.js");
        let path = env::var_os("OUTBOARD_AXE").map_or_else(usual, PathBuf::from);
        fs::read_to_string(path).ok()
    });
    if read.is_none() {
        let directory = target_directory();
        let list = repository().join("browser/requirements.txt");
        return missing(&format!(
            "axe (python3 -m pip install --no-deps --target {} -r {})",
            directory.join("axe").display(),
            list.display()
        ));
    }
    read.as_deref()
}

fn missing<T>(what: &str) -> Option<T> {
    let required = env::var("OUTBOARD_BROWSER").is_ok_and(|value| value == "require");
    assert!(
        !required,
        "OUTBOARD_BROWSER=require, and there is no {what}"
    );
    let test = std::thread::current();
    eprintln!("skipped: {}: no {what}", test.name().unwrap_or("a test"));
    None
}

/// The program that a variable names, or the first of these on the `PATH`.
fn program(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(named) = env::var_os(variable).filter(|value| !value.is_empty()) {
        return Some(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = env::split_paths(&path).collect();
    let candidates = names
        .iter()
        .flat_map(|name| directories.iter().map(move |at| at.join(name)));
    candidates.into_iter().find(|file| file.is_file())
}
