//! What several tests need.

use std::{fs, path::Path, time::Duration};

use outboard_go_plugin::host::PluginSpec;
use outboard_interop::foreign;
use tempfile::TempDir;
use terraform_provider::{Failure, Provider, provider::spec};

/// A provider to start, and a directory for its files.
pub(crate) struct Shelf {
    pub(crate) spec: PluginSpec,
    pub(crate) directory: TempDir,
}

/// `None` after saying that the test is skipped.
pub(crate) fn shelf() -> Option<Shelf> {
    let spec = spec(foreign::terraform_provider()?).start_timeout(Duration::from_secs(30));
    let directory = tempfile::tempdir().unwrap();
    Some(Shelf { spec, directory })
}

impl Shelf {
    pub(crate) fn path(&self) -> &str {
        self.directory.path().to_str().unwrap()
    }

    /// A provider that runs and is configured.
    pub(crate) async fn start(&self) -> Provider {
        let mut provider = Provider::start(&self.spec).await.unwrap();
        let settings = [("directory", self.path().into())];
        provider.configure(&settings).await.unwrap();
        provider
    }

    /// The names of the files.
    pub(crate) fn files(&self) -> Vec<String> {
        names(self.directory.path())
    }
}

/// What is in a directory.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

pub(crate) fn process_exists(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// The texts of the diagnostics with which a call was refused.
pub(crate) fn refusals<T: std::fmt::Debug>(result: Result<T, Failure>) -> Vec<String> {
    match result.unwrap_err() {
        Failure::Refused(diagnostics) => diagnostics.iter().map(ToString::to_string).collect(),
        other => panic!("{other}"),
    }
}
