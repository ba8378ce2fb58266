//! What can go wrong with a plugin as a whole, for callers and for people.

use outboard_contracts::{manifest::ManifestError, name::NameError};
use outboard_go_plugin::host::{StartError, StartErrorKind};

use crate::engine::{EngineError, EngineErrorKind, PluginFailure};

/// A failed operation on a plugin: which plugin, what happened, what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManagerError {
    /// The name could not be a plugin's. Nothing on disk was touched.
    #[error("{name:?} is no plugin name: {error}")]
    InvalidName {
        /// As it came.
        name: String,
        /// What is wrong with it.
        error: NameError,
    },
    /// The plugins directory cannot be read.
    #[error("cannot read the plugins directory: {0}")]
    Directory(#[source] std::io::Error),
    /// There is no directory of this name with a `plugin.json`.
    #[error("there is no plugin {plugin:?}; put it into the plugins directory, under that name")]
    NotFound {
        /// The plugin.
        plugin: String,
    },
    /// It runs already.
    #[error("plugin {plugin:?} is already loaded; reload it to start it anew")]
    AlreadyLoaded {
        /// The plugin.
        plugin: String,
    },
    /// It does not run.
    #[error("plugin {plugin:?} is not loaded")]
    NotLoaded {
        /// The plugin.
        plugin: String,
    },
    /// Others that run depend on it.
    #[error("plugin {plugin:?} is needed by {}; unload them first", by.join(", "))]
    InUse {
        /// The plugin.
        plugin: String,
        /// The plugins that depend on it.
        by: Vec<String>,
    },
    /// Its `plugin.json` cannot be used.
    #[error("plugin {plugin:?} has an unusable plugin.json: {error}")]
    Manifest {
        /// The plugin.
        plugin: String,
        /// What is wrong with it.
        error: ManifestError,
    },
    /// Its `plugin.json` names another plugin.
    #[error(
        "plugin {plugin:?} has a plugin.json that says {found:?}; give the directory and the \
         executable that name, or correct the file"
    )]
    NameMismatch {
        /// The directory's name.
        plugin: String,
        /// The manifest's.
        found: String,
    },
    /// Its directory or a file in it lies outside the plugins directory.
    #[error("plugin {plugin:?} leads out of the plugins directory; replace the link by the files")]
    Outside {
        /// The plugin.
        plugin: String,
    },
    /// A file of it could not be read.
    #[error("plugin {plugin:?}: cannot read {file}: {error}")]
    File {
        /// The plugin.
        plugin: String,
        /// Which file.
        file: &'static str,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// A plugin that it needs is missing, too old, or needs it in turn.
    #[error("plugin {plugin:?} needs {dependency}")]
    Dependency {
        /// The plugin.
        plugin: String,
        /// Which one, and why it does not serve.
        dependency: String,
    },
    /// Its process did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Its process started and then failed a call that loading needs.
    #[error("plugin {plugin:?} started and is of no use: {error}")]
    Call {
        /// The plugin.
        plugin: String,
        /// The call's error.
        error: EngineError,
    },
    /// Another operation on the same plugin took too long.
    #[error("plugin {plugin:?} is busy with another load, reload or unload; try again later")]
    Busy {
        /// The plugin.
        plugin: String,
    },
}

/// What callers branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ManagerErrorKind {
    /// The name is not a plugin name.
    InvalidName,
    /// There is no such plugin.
    NotFound,
    /// It is loaded.
    AlreadyLoaded,
    /// It is not loaded.
    NotLoaded,
    /// Something depends on it.
    InUse,
    /// Its manifest cannot be used.
    Manifest,
    /// Its executable cannot be used.
    Binary,
    /// A plugin that it needs does not serve.
    Dependency,
    /// It did not do what a plugin must.
    Misbehaved,
    /// It did not answer in time.
    Timeout,
    /// Another operation is in the way.
    Busy,
    /// An error of this machine.
    Internal,
}

impl ManagerErrorKind {
    /// The kind in one word, as programs outside this process see it. It never
    /// changes its meaning.
    pub fn as_str(self) -> &'static str {
        match self {
            ManagerErrorKind::InvalidName => "invalid_name",
            ManagerErrorKind::NotFound => "not_found",
            ManagerErrorKind::AlreadyLoaded => "already_loaded",
            ManagerErrorKind::NotLoaded => "not_loaded",
            ManagerErrorKind::InUse => "in_use",
            ManagerErrorKind::Manifest => "manifest",
            ManagerErrorKind::Binary => "binary",
            ManagerErrorKind::Dependency => "dependency",
            ManagerErrorKind::Misbehaved => "misbehaved",
            ManagerErrorKind::Timeout => "timeout",
            ManagerErrorKind::Busy => "busy",
            ManagerErrorKind::Internal => "internal",
        }
    }
}

impl ManagerError {
    /// What callers branch on.
    pub fn kind(&self) -> ManagerErrorKind {
        match self {
            ManagerError::InvalidName { .. } => ManagerErrorKind::InvalidName,
            ManagerError::Directory(_) => ManagerErrorKind::Internal,
            ManagerError::NotFound { .. } => ManagerErrorKind::NotFound,
            ManagerError::AlreadyLoaded { .. } => ManagerErrorKind::AlreadyLoaded,
            ManagerError::NotLoaded { .. } => ManagerErrorKind::NotLoaded,
            ManagerError::InUse { .. } => ManagerErrorKind::InUse,
            ManagerError::Manifest { .. }
            | ManagerError::NameMismatch { .. }
            | ManagerError::Outside { .. }
            | ManagerError::File { .. } => ManagerErrorKind::Manifest,
            ManagerError::Dependency { .. } => ManagerErrorKind::Dependency,
            ManagerError::Start(error) => match error.kind() {
                StartErrorKind::NotFound(_)
                | StartErrorKind::NotAFile(_)
                | StartErrorKind::NotExecutable(_)
                | StartErrorKind::WrongArchitecture { .. }
                | StartErrorKind::UnknownFormat(_)
                | StartErrorKind::NoInterpreter { .. } => ManagerErrorKind::Binary,
                StartErrorKind::Timeout(_) => ManagerErrorKind::Timeout,
                StartErrorKind::Io(_) | StartErrorKind::SocketPathTooLong { .. } => {
                    ManagerErrorKind::Internal
                }
                _ => ManagerErrorKind::Misbehaved,
            },
            ManagerError::Call { error, .. } => match error.kind() {
                EngineErrorKind::Plugin(PluginFailure::Timeout) => ManagerErrorKind::Timeout,
                _ => ManagerErrorKind::Misbehaved,
            },
            ManagerError::Busy { .. } => ManagerErrorKind::Busy,
        }
    }
}
