//! What lies in the plugins directory, looked at without starting anything.
//!
//! ```text
//! plugins/
//!   kv/
//!     plugin.json   manifest, naming "kv"
//!     kv            executable, named as its directory
//! ```

use std::{
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

use outboard_contracts::{PluginManifest, PluginName, manifest::MAX_MANIFEST_BYTES};

use super::ManagerError;

/// A directory that looks like a plugin.
#[derive(Debug)]
pub struct DiscoveredPlugin {
    /// The directory's name, which may not be a valid plugin name.
    pub name: String,
    /// Its manifest, or why the plugin could not be loaded.
    pub manifest: Result<PluginManifest, ManagerError>,
}

/// A plugin on disk that may be started.
#[derive(Debug, Clone)]
pub(super) struct OnDisk {
    pub(super) manifest: PluginManifest,
    pub(super) directory: PathBuf,
    pub(super) program: PathBuf,
}

/// Every subdirectory with a `plugin.json` and an entry of its own name,
/// sorted. A missing directory holds no plugins.
pub(super) fn discover(plugins: &Path) -> Result<Vec<DiscoveredPlugin>, ManagerError> {
    let entries = match fs::read_dir(plugins) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(ManagerError::Directory(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(ManagerError::Directory)?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = entry.path();
        // A link is no plugin: it could lead anywhere.
        let directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if directory && path.join("plugin.json").exists() && path.join(&name).exists() {
            let manifest = PluginName::parse(&name)
                .map_err(|error| ManagerError::InvalidName {
                    name: name.clone(),
                    error,
                })
                .and_then(|name| inspect(plugins, &name))
                .map(|on_disk| on_disk.manifest);
            found.push(DiscoveredPlugin { name, manifest });
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// One plugin, with everything checked that can be checked without starting it.
pub(super) fn inspect(plugins: &Path, name: &PluginName) -> Result<OnDisk, ManagerError> {
    let plugin = || name.to_string();
    let directory = plugins.join(name.as_str());
    let manifest_path = directory.join("plugin.json");
    let bytes = read_capped(&manifest_path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            ManagerError::NotFound { plugin: plugin() }
        }
        _ => ManagerError::File {
            plugin: plugin(),
            file: "plugin.json",
            error,
        },
    })?;
    let manifest = PluginManifest::parse(&bytes).map_err(|error| ManagerError::Manifest {
        plugin: plugin(),
        error,
    })?;
    if manifest.name != name.as_str() {
        return Err(ManagerError::NameMismatch {
            plugin: plugin(),
            found: manifest.name,
        });
    }
    let program = directory.join(name.as_str());
    contained(plugins, &manifest_path, name)?;
    // A program that is missing is for the start to report, with its path.
    if program.exists() {
        contained(plugins, &program, name)?;
    }
    let absolute = |path: PathBuf| {
        std::path::absolute(path).map_err(|error| ManagerError::File {
            plugin: plugin(),
            file: "its directory",
            error,
        })
    };
    Ok(OnDisk {
        manifest,
        directory: absolute(directory)?,
        program: absolute(program)?,
    })
}

/// Reads at most one byte more than a manifest may have.
fn read_capped(path: &Path) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a regular file",
        ));
    }
    let mut bytes = Vec::new();
    file.take(MAX_MANIFEST_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn contained(plugins: &Path, path: &Path, name: &PluginName) -> Result<(), ManagerError> {
    let file = |error| ManagerError::File {
        plugin: name.to_string(),
        file: "its directory",
        error,
    };
    let root = plugins.canonicalize().map_err(file)?.join(name.as_str());
    let real = path.canonicalize().map_err(file)?;
    if real.starts_with(&root) {
        return Ok(());
    }
    Err(ManagerError::Outside {
        plugin: name.to_string(),
    })
}
