//! What lies in the plugins directory, looked at without loading anything, and the
//! reading of one UI plugin as a whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    path::Path,
};

use outboard_contracts::{
    PluginManifest, PluginName,
    manifest::MAX_MANIFEST_BYTES,
    ui::{MAX_UI_MANIFEST_BYTES, UiManifest},
};
use outboard_workflow::engine::PluginDependency;

use super::{
    AssetLimits, Snapshot, UiPluginError,
    snapshot::{AssetProblem, read},
};

/// How often the files are read again if somebody writes them meanwhile.
const ATTEMPTS: u32 = 3;

/// A directory with a `ui.json`.
#[derive(Debug)]
pub struct DiscoveredUiPlugin {
    /// The directory's name, which may not be a valid plugin name.
    pub name: String,
    /// Its manifest, or why the plugin could not be loaded. The files are not looked at.
    pub manifest: Result<UiManifest, UiPluginError>,
}

/// A UI plugin that was read and is not loaded yet.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) manifest: UiManifest,
    pub(super) assets: Snapshot,
    pub(super) dependencies: Vec<PluginDependency>,
    pub(super) has_program: bool,
}

/// Every subdirectory with a `ui.json`, sorted. A missing directory holds no plugins.
///
/// # Errors
///
/// The directory cannot be read.
pub fn discover(plugins: &Path) -> Result<Vec<DiscoveredUiPlugin>, UiPluginError> {
    let entries = match fs::read_dir(plugins) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(UiPluginError::Directory(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(UiPluginError::Directory)?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        // A link is no plugin: it could lead anywhere.
        let directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if directory && entry.path().join("ui.json").exists() {
            let manifest = checked(&name).and_then(|name| manifest(plugins, &name));
            found.push(DiscoveredUiPlugin { name, manifest });
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// One UI plugin with everything checked that loading it checks, also its files.
///
/// # Errors
///
/// What loading it would come to.
pub fn inspect(
    plugins: &Path,
    name: &str,
    limits: &AssetLimits,
) -> Result<(UiManifest, Snapshot), UiPluginError> {
    let name = checked(name)?;
    let read = read_plugin(plugins, &name, limits, None, 0)?;
    Ok((read.manifest, read.assets))
}

/// A name that is none is refused before the disk is looked at.
pub(super) fn checked(name: &str) -> Result<PluginName, UiPluginError> {
    PluginName::parse(name).map_err(|error| UiPluginError::InvalidName {
        name: name.chars().take(100).collect(),
        error,
    })
}

/// Reads a plugin until nobody wrote to it meanwhile. Files that are as in `before` are
/// shared with it.
pub(super) fn read_plugin(
    plugins: &Path,
    name: &PluginName,
    limits: &AssetLimits,
    before: Option<&Snapshot>,
    generation: u64,
) -> Result<Read, UiPluginError> {
    for _ in 0..ATTEMPTS {
        match read_once(plugins, name, limits, before, generation) {
            Err(UiPluginError::Changing { .. }) => {}
            outcome => return outcome,
        }
    }
    Err(UiPluginError::Changing {
        plugin: name.to_string(),
    })
}

fn read_once(
    plugins: &Path,
    name: &PluginName,
    limits: &AssetLimits,
    before: Option<&Snapshot>,
    generation: u64,
) -> Result<Read, UiPluginError> {
    let bytes = manifest_bytes(plugins, name)?;
    let manifest = parse(name, &bytes)?;
    let directory = plugins.join(name.as_str());
    let assets =
        read(&directory, &manifest.asset_dir, limits, before, generation).map_err(|problem| {
            match problem {
                AssetProblem::Changing => UiPluginError::Changing {
                    plugin: name.to_string(),
                },
                problem => UiPluginError::Assets {
                    plugin: name.to_string(),
                    problem,
                },
            }
        })?;
    // The manifest is often the last file that is copied.
    if manifest_bytes(plugins, name)? != bytes {
        return Err(UiPluginError::Changing {
            plugin: name.to_string(),
        });
    }
    let program = program_manifest(&directory);
    let dependencies = program.as_ref().map(|program| needs(plugins, program));
    Ok(Read {
        manifest,
        assets,
        dependencies: dependencies.unwrap_or_default(),
        has_program: program.is_some() && directory.join(name.as_str()).is_file(),
    })
}

fn manifest(plugins: &Path, name: &PluginName) -> Result<UiManifest, UiPluginError> {
    parse(name, &manifest_bytes(plugins, name)?)
}

fn parse(name: &PluginName, bytes: &[u8]) -> Result<UiManifest, UiPluginError> {
    UiManifest::of_plugin(name, bytes).map_err(|error| UiPluginError::Manifest {
        plugin: name.to_string(),
        error,
    })
}

fn manifest_bytes(plugins: &Path, name: &PluginName) -> Result<Vec<u8>, UiPluginError> {
    let plugin = || name.to_string();
    let file = |error| UiPluginError::File {
        plugin: plugin(),
        file: "ui.json",
        error,
    };
    let directory = plugins.join(name.as_str());
    let path = directory.join("ui.json");
    // Before it is opened: what a link leads to is nobody's business.
    match fs::symlink_metadata(&directory) {
        Ok(about) if about.is_symlink() => return Err(UiPluginError::Outside { plugin: plugin() }),
        Ok(about) if about.is_dir() => {}
        Ok(_) => return Err(UiPluginError::NotFound { plugin: plugin() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(UiPluginError::NotFound { plugin: plugin() });
        }
        Err(error) => return Err(file(error)),
    }
    match path.canonicalize() {
        Ok(real) => {
            let root = directory.canonicalize().map_err(file)?;
            if !real.starts_with(root) {
                return Err(UiPluginError::Outside { plugin: plugin() });
            }
            let opened = open_regular(&real).map_err(file)?;
            read_capped(opened, MAX_UI_MANIFEST_BYTES as u64).map_err(file)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(UiPluginError::NotFound { plugin: plugin() })
        }
        Err(error) => Err(file(error)),
    }
}

/// The manifest of the program beside the pages. One that is unusable is for whoever
/// loads the program to say.
fn program_manifest(directory: &Path) -> Option<PluginManifest> {
    let file = open_regular(&directory.join("plugin.json")).ok()?;
    let bytes = read_capped(file, MAX_MANIFEST_BYTES as u64).ok()?;
    PluginManifest::parse(&bytes).ok()
}

/// Those dependencies that are UI plugins, too. The others are the program's, and the
/// program's manager takes care of them.
fn needs(plugins: &Path, program: &PluginManifest) -> Vec<PluginDependency> {
    let checked = program.checked_dependencies().unwrap_or_default();
    checked
        .into_iter()
        .filter(|(name, _)| plugins.join(name.as_str()).join("ui.json").is_file())
        .map(|(name, constraint)| PluginDependency::matching(name.as_str(), constraint))
        .collect()
}

/// Opens what must be a regular file. A link is not followed, and something that would
/// block, such as a pipe, does not.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    let text = "it is not a regular file";
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

/// Reads at most one byte more than the limit, so that the reader sees that there is more.
pub(super) fn read_capped(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
