//! Why a UI plugin could not be loaded, reloaded or unloaded.

use std::io;

use http::StatusCode;
use outboard_contracts::{name::NameError, ui::UiManifestError};

use super::AssetProblem;
use crate::plugins::ControlError;

/// A failed operation on a UI plugin: which plugin, what happened, what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UiPluginError {
    /// The name could not be a plugin's. Nothing on disk was touched.
    #[error("{name:?} is no plugin name: {error}")]
    InvalidName {
        /// As it came, shortened.
        name: String,
        /// What is wrong with it.
        error: NameError,
    },
    /// The plugins directory cannot be read.
    #[error("cannot read the plugins directory: {0}")]
    Directory(#[source] io::Error),
    /// There is no directory of this name with a `ui.json`.
    #[error(
        "there is no UI plugin {plugin:?}; put a directory of that name with a ui.json into the \
         plugins directory"
    )]
    NotFound {
        /// The plugin.
        plugin: String,
    },
    /// It is not loaded.
    #[error("UI plugin {plugin:?} is not loaded")]
    NotLoaded {
        /// The plugin.
        plugin: String,
    },
    /// Its directory or `ui.json` is a link to somewhere else.
    #[error(
        "UI plugin {plugin:?} leads out of the plugins directory; replace the link by the files"
    )]
    Outside {
        /// The plugin.
        plugin: String,
    },
    /// A file of it could not be read.
    #[error("UI plugin {plugin:?}: cannot read {file}: {error}")]
    File {
        /// The plugin.
        plugin: String,
        /// Which file.
        file: &'static str,
        /// What the operating system said.
        error: io::Error,
    },
    /// Its `ui.json` cannot be used.
    #[error("UI plugin {plugin:?} has an unusable ui.json: {error}")]
    Manifest {
        /// The plugin.
        plugin: String,
        /// What is wrong with it.
        error: UiManifestError,
    },
    /// Its files cannot be used.
    #[error("UI plugin {plugin:?} has unusable assets: {problem}")]
    Assets {
        /// The plugin.
        plugin: String,
        /// What is wrong with them.
        problem: AssetProblem,
    },
    /// Somebody wrote the files while they were read.
    #[error(
        "the files of UI plugin {plugin:?} change while they are read; load it again when they \
         are complete"
    )]
    Changing {
        /// The plugin.
        plugin: String,
    },
    /// The program beside the pages could not be replaced.
    #[error(
        "UI plugin {plugin:?} was not reloaded: its new pages are in order, its program is not: \
         {error}; the old pages serve on"
    )]
    Program {
        /// The plugin.
        plugin: String,
        /// Why not.
        error: Box<ControlError>,
    },
}

/// What callers branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UiPluginErrorKind {
    /// The name is not a plugin name.
    InvalidName,
    /// There is no such plugin.
    NotFound,
    /// It is not loaded.
    NotLoaded,
    /// Its manifest cannot be used.
    Manifest,
    /// Its files cannot be used.
    Assets,
    /// Its files were being written.
    Changing,
    /// Its program could not be replaced.
    Program,
    /// An error of this machine.
    Internal,
}

impl UiPluginErrorKind {
    /// The kind in one word, as programs outside this process see it. It never changes
    /// its meaning.
    pub fn as_str(self) -> &'static str {
        match self {
            UiPluginErrorKind::InvalidName => "invalid_name",
            UiPluginErrorKind::NotFound => "not_found",
            UiPluginErrorKind::NotLoaded => "not_loaded",
            UiPluginErrorKind::Manifest => "manifest",
            UiPluginErrorKind::Assets => "assets",
            UiPluginErrorKind::Changing => "changing",
            UiPluginErrorKind::Program => "program",
            UiPluginErrorKind::Internal => "internal",
        }
    }
}

impl UiPluginError {
    /// What callers branch on.
    pub fn kind(&self) -> UiPluginErrorKind {
        use UiPluginErrorKind as Kind;
        match self {
            UiPluginError::InvalidName { .. } => Kind::InvalidName,
            UiPluginError::NotFound { .. } => Kind::NotFound,
            UiPluginError::NotLoaded { .. } => Kind::NotLoaded,
            UiPluginError::Manifest { .. } => Kind::Manifest,
            UiPluginError::Outside { .. } | UiPluginError::Assets { .. } => Kind::Assets,
            UiPluginError::Changing { .. } => Kind::Changing,
            UiPluginError::Program { .. } => Kind::Program,
            UiPluginError::Directory(_) | UiPluginError::File { .. } => Kind::Internal,
        }
    }

    /// The status, for the seed's routes and ours alike.
    pub fn status(&self) -> StatusCode {
        match self.kind() {
            UiPluginErrorKind::InvalidName => StatusCode::BAD_REQUEST,
            UiPluginErrorKind::NotFound => StatusCode::NOT_FOUND,
            UiPluginErrorKind::NotLoaded | UiPluginErrorKind::Changing => StatusCode::CONFLICT,
            UiPluginErrorKind::Manifest | UiPluginErrorKind::Assets => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            UiPluginErrorKind::Program => match self {
                UiPluginError::Program { error, .. } => error.status(),
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
            UiPluginErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
