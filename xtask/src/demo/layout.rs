//! The demo's data directory: laid out as on an operator's machine, gone at the end.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Result, command::root};

/// The name of the example plugin, of its directory and of its program.
pub(super) const PLUGIN: &str = "store-plugin";
/// The name of the example connector's program.
pub(super) const CONNECTOR: &str = "sql-connector";
/// The key of the example connector.
pub(super) const CONNECTOR_KEY: &str = "sql";
/// The example of a plugin that is pages alone.
const PAGES: &str = "ui-plugin";

/// A temporary data directory. Dropping it removes it with all that is in it.
pub(super) struct DataDirectory(PathBuf);

impl DataDirectory {
    /// Makes `plugins/store-plugin` with a manifest and the program, in a directory
    /// that only this user can look into.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(super) fn with_plugin(program: &Path) -> Result<DataDirectory> {
        let path = std::env::temp_dir().join(format!("outboard-demo-{}", std::process::id()));
        let cannot =
            |what: &Path, error: io::Error| format!("cannot make {}: {error}", what.display());
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| cannot(&path, error))?;
        let data = DataDirectory(path);
        let plugin = data.path().join("plugins").join(PLUGIN);
        fs::create_dir_all(&plugin).map_err(|error| cannot(&plugin, error))?;
        let manifest = root().join("examples").join(PLUGIN).join("plugin.json");
        for (from, name) in [(manifest.as_path(), "plugin.json"), (program, PLUGIN)] {
            let to = plugin.join(name);
            fs::copy(from, &to).map_err(|error| cannot(&to, error))?;
        }
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(plugin.join(PLUGIN), executable)?;
        copy_pages(&data)?;
        Ok(data)
    }

    /// A directory that the example connector can be installed from: its program, and the
    /// manifest that the program itself prints.
    ///
    /// # Errors
    ///
    /// What the file system says, or the program.
    pub(super) fn package(&self, program: &Path) -> Result<PathBuf> {
        let package = self.path().join("package");
        fs::create_dir(&package)?;
        fs::copy(program, package.join(CONNECTOR))?;
        let printed = Command::new(package.join(CONNECTOR))
            .arg("--dump-manifest")
            .output()?;
        if !printed.status.success() {
            return Err(format!("{CONNECTOR} printed no manifest: {}", printed.status).into());
        }
        fs::write(package.join("plugin.json"), printed.stdout)?;
        Ok(package)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

/// The example of pages, as its own directory has it.
fn copy_pages(data: &DataDirectory) -> Result {
    let from = root().join("examples").join(PAGES);
    let to = data.path().join("plugins").join(PAGES);
    fs::create_dir_all(to.join("assets"))?;
    fs::copy(from.join("ui.json"), to.join("ui.json"))?;
    for asset in fs::read_dir(from.join("assets"))? {
        let asset = asset?;
        fs::copy(asset.path(), to.join("assets").join(asset.file_name()))?;
    }
    Ok(())
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}
