//! The database: whole or refused, shared by processes, without secrets.

use std::path::{Path, PathBuf};

use outboard_connector::{
    secrets::{SecretKey, Secrets},
    state::State,
};
use outboard_contracts::connector::module::{Config, Module};

mod file;
mod history;
mod instances;
mod processes;

/// A directory with a database in it.
pub(crate) struct Home {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) secrets: Secrets,
}

impl Home {
    pub(crate) fn new() -> Home {
        Home {
            directory: tempfile::tempdir().unwrap(),
            secrets: Secrets::new(SecretKey::generate().unwrap()),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("outboard.db")
    }

    pub(crate) fn open(&self) -> State {
        State::open(&self.path(), self.secrets.clone()).unwrap()
    }

    /// Every file in the directory in which `needle` occurs.
    pub(crate) fn files_with(&self, needle: &str) -> Vec<PathBuf> {
        files(self.directory.path())
            .into_iter()
            .filter(|path| {
                let bytes = std::fs::read(path).unwrap();
                bytes
                    .windows(needle.len())
                    .any(|window| window == needle.as_bytes())
            })
            .collect()
    }
}

pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

pub(crate) fn field(key: &str) -> Config {
    Config {
        key: key.to_owned(),
        widget: "text".to_owned(),
        ..Config::default()
    }
}

pub(crate) fn secret(key: &str) -> Config {
    Config {
        widget: "secret".to_owned(),
        is_secret: true,
        ..field(key)
    }
}

pub(crate) fn module(configs: Vec<Config>) -> Module {
    Module {
        configs,
        ..Module::default()
    }
}

/// Nothing is set.
pub(crate) fn nothing(_: &str) -> Option<String> {
    None
}
