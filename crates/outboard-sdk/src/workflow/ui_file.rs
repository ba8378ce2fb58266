//! `ui.json`, which a plugin that brings pages writes beside its program.
//!
//! The host looks for it there, so that a plugin can be installed as one file. A file
//! that is there is somebody's, and is left as it is.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use outboard_contracts::{
    PluginName,
    manifest::MAX_MANIFEST_BYTES,
    ui::{DEFAULT_ASSET_DIR, UiManifest},
};
use serde::Deserialize;

use super::PluginProvider;

const FILE: &str = "ui.json";

/// Writes the file, if the provider has pages. What goes wrong is logged: the plugin
/// works without its pages.
pub(super) fn write(provider: &impl PluginProvider) {
    let Some(ui) = provider.ui_manifest() else {
        return;
    };
    let name = provider.manifest().name;
    let text = match text(&name, ui) {
        Ok(text) => text,
        Err(reason) => {
            tracing::error!(%reason, "the plugin's pages cannot be shown");
            return;
        }
    };
    let Some(directory) = own_directory(&name) else {
        tracing::warn!(
            "no ui.json is written: there is no plugin.json of this plugin beside its program \
             or where it was started"
        );
        return;
    };
    match write_new(&directory, &text) {
        Ok(true) => tracing::debug!("ui.json was written"),
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "ui.json cannot be written"),
    }
}

/// The file's text, filled in and checked as the host checks it.
fn text(name: &str, mut ui: UiManifest) -> Result<String, String> {
    let name = PluginName::parse(name).map_err(|error| error.to_string())?;
    if ui.name.is_empty() {
        name.as_str().clone_into(&mut ui.name);
    }
    if ui.asset_dir.is_empty() {
        DEFAULT_ASSET_DIR.clone_into(&mut ui.asset_dir);
    }
    // Not by reading it again: a plugin need not bring a reader of such files.
    ui.validate().map_err(|error| error.to_string())?;
    if ui.name != name.as_str() {
        return Err(format!(
            "ui.json would have the name {:?}, and the plugin is {name}",
            ui.name
        ));
    }
    ui.to_json().map_err(|error| error.to_string())
}

/// Where this plugin is installed: where its program is, or where the host started it, if
/// this plugin's `plugin.json` is there.
///
/// Hosts differ in it: ours starts a plugin in its directory, that of Go in its own, and
/// one that runs a copy of a program runs it elsewhere.
// DIFFERENCE: the original writes into the working directory, whosever that is: with a
// host of Go the first plugin that starts puts its file there, and the others none.
fn own_directory(name: &str) -> Option<PathBuf> {
    let program = std::env::current_exe().ok();
    let beside = program
        .as_deref()
        .and_then(Path::parent)
        .map(Path::to_owned);
    let started_in = std::env::current_dir().ok();
    [beside, started_in]
        .into_iter()
        .flatten()
        .find(|directory| is_of(name, directory))
}

fn is_of(name: &str, directory: &Path) -> bool {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let path = directory.join("plugin.json");
    let small = fs::metadata(&path)
        .is_ok_and(|about| about.is_file() && about.len() <= MAX_MANIFEST_BYTES as u64);
    small
        && fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Named>(&bytes).ok())
            .is_some_and(|manifest| manifest.name == name)
}

/// Writes the file as a whole, unless there is one. Whether it did.
fn write_new(directory: &Path, text: &str) -> io::Result<bool> {
    let path = directory.join(FILE);
    if path.symlink_metadata().is_ok() {
        return Ok(false);
    }
    let unfinished = directory.join(format!(".{FILE}.{}", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let written = options.open(&unfinished).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // A link, unlike a new name, does not take the place of what came meanwhile.
        match fs::hard_link(&unfinished, &path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            // Not every file system has links.
            Err(_) => fs::rename(&unfinished, &path).map(|()| true),
        }
    });
    // Also if it was left by a process of the same number that died.
    let _ = fs::remove_file(&unfinished);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_the_host_takes() {
        let ui = UiManifest {
            description: "pages".to_owned(),
            ..UiManifest::default()
        };
        let written = text("kitchen", ui).expect("a manifest");
        assert_eq!(
            written,
            "{\n  \"name\": \"kitchen\",\n  \"version\": \"\",\n  \"description\": \"pages\",\n  \
             \"assetDir\": \"assets\"\n}"
        );
        let wrong = UiManifest {
            asset_dir: "../elsewhere".to_owned(),
            ..UiManifest::default()
        };
        let reason = text("kitchen", wrong).expect_err("refused");
        assert!(reason.contains("leads out"), "{reason}");
        let other = UiManifest {
            name: "other".to_owned(),
            ..UiManifest::default()
        };
        assert!(text("kitchen", other).is_err());
    }

    #[test]
    fn a_file_that_is_there_is_left_alone_and_nothing_else_remains() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(write_new(directory.path(), "one").expect("written"));
        assert!(!write_new(directory.path(), "two").expect("left alone"));
        let read = |name| fs::read_to_string(directory.path().join(name)).expect("a file");
        assert_eq!(read(FILE), "one");
        let entries = fs::read_dir(directory.path()).expect("a list");
        assert_eq!(entries.count(), 1);
        assert!(write_new(&directory.path().join("missing"), "x").is_err());
    }
}
