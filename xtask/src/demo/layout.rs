//! The demo's data directory: laid out as on an operator's machine, gone at the end.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use crate::{Result, command::root};

/// The name of the example plugin, of its directory and of its program.
pub(super) const PLUGIN: &str = "store-plugin";

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
        Ok(data)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}
