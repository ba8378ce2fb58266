//! Small packages for the tests, and a store to put them into.

use std::{
    fs,
    path::{Path, PathBuf},
};

use outboard_connector::{
    package::{Origin, Package},
    platform,
    store::{InstallRequest, Installed, Store, StoreError},
    trust::Trust,
};
use outboard_contracts::connector::{
    Kind, Manifest, Module,
    module::{Category, Meta, Operation},
};
use sha2::{Digest as _, Sha256};

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A program of that version; its bytes are no program, and nothing here runs them.
pub(crate) fn program(key: &str, version: &str) -> Vec<u8> {
    format!("#!/bin/false\n{key} {version}\n").into_bytes()
}

pub(crate) fn manifest(key: &str, version: &str, program: &[u8]) -> Manifest {
    Manifest {
        schema_version: 1,
        kind_word: Kind::Connector.to_string(),
        version: version.to_owned(),
        proto_version: 1,
        entry: key.to_owned(),
        os_arch: vec![platform::host()],
        sha256: sha256(program),
        module: Module {
            meta: Meta {
                key: key.to_owned(),
                ..Meta::default()
            },
            operations: vec![Category {
                operations: vec![Operation {
                    key: "echo".to_owned(),
                    ..Operation::default()
                }],
                ..Category::default()
            }],
            ..Module::default()
        },
        ..Manifest::default()
    }
}

/// Writes a package into `directory`.
pub(crate) fn write(directory: &Path, manifest: &Manifest, program: &[u8]) {
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join("plugin.json"), manifest.to_json_pretty()).unwrap();
    let path = directory.join(&manifest.entry);
    fs::write(&path, program).unwrap();
    executable(&path);
}

pub(crate) fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A store in a directory of its own, with packages beside it.
pub(crate) struct Place {
    directory: tempfile::TempDir,
    pub(crate) store: Store,
}

impl Place {
    pub(crate) fn new() -> Place {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        Place { directory, store }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A package of that version, in a directory.
    pub(crate) fn package(&self, key: &str, version: &str) -> Package {
        let directory = self.path(&format!("packages/{key}-{version}"));
        let program = program(key, version);
        write(&directory, &manifest(key, version, &program), &program);
        Package::open(&directory).unwrap()
    }

    pub(crate) fn install(&self, key: &str, version: &str) -> Result<Installed, StoreError> {
        self.store
            .install(&self.package(key, version), &request(), &|_| {})
    }

    pub(crate) fn lock_text(&self) -> String {
        fs::read_to_string(self.path("outboard.lock")).unwrap_or_default()
    }

    /// Every file of the store and the lock file, with their content: what an operation
    /// that fails must leave as it is.
    pub(crate) fn snapshot(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        collect(&self.path("connectors"), &mut files);
        files.push(("outboard.lock".to_owned(), self.lock_text().into_bytes()));
        files.sort();
        files
    }
}

pub(crate) fn open(directory: &Path) -> Store {
    Store::open(
        &directory.join("connectors"),
        &directory.join("outboard.lock"),
    )
    .unwrap()
}

fn collect(directory: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("connectors/.lock") {
            continue;
        }
        if path.ends_with("connectors/.staging") {
            assert_eq!(
                fs::read_dir(&path).unwrap().count(),
                0,
                "nothing is left there"
            );
        } else if path.is_dir() {
            files.push((path.display().to_string(), Vec::new()));
            collect(&path, files);
        } else {
            files.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

pub(crate) fn request() -> InstallRequest {
    InstallRequest::new("packages", Trust::new(), Origin::LocalDirectory)
}

/// Checks that what is installed is `version`, whole, and that the lock file says so.
pub(crate) fn assert_whole(store: &Store, key: &str, version: &str) {
    let installed = store.get(key).unwrap();
    assert_eq!(installed.version, version);
    assert_eq!(fs::read(&installed.program).unwrap(), program(key, version));
    store.verify(key, &Trust::new()).unwrap();
    let locked = &store.lock_file().unwrap().connectors[key];
    assert_eq!(locked.version, version);
    assert_eq!(
        locked.platforms[&platform::host()].sha256,
        sha256(&program(key, version))
    );
}
