//! `outboard open`: the pages of the running server, signed in by a link that works once.

use std::{
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use ureq::http::Method;

use crate::{
    api::Api,
    error::CliError,
    output::{Output, eprint_line, line},
    settings::Settings,
};

/// How long the opener may take to say that it cannot.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) fn run(print: bool, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let api = Api::require(&settings.data_dir())?;
    let link = api.send(Method::POST, "/api/v1/sign-in-links", None)?;
    let Some(url) = link["url"].as_str() else {
        return Err(
            CliError::failed("server", "the server's answer has no link")
                .hint("see whether the server is of this version"),
        );
    };
    output.result(&link, || line(url));
    if print || output.is_json() || open(url) {
        return Ok(());
    }
    eprint_line(
        "no browser could be opened: open the link yourself; it works once, for two minutes",
    );
    Ok(())
}

/// Whether the desktop takes the link, as far as it says so.
fn open(url: &str) -> bool {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let started = Command::new(opener)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = started else {
        return false;
    };
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        match child.try_wait() {
            Ok(None) => thread::sleep(Duration::from_millis(20)),
            Ok(Some(status)) => return status.success(),
            Err(_) => return false,
        }
    }
    // It is the browser itself, which stays.
    true
}
