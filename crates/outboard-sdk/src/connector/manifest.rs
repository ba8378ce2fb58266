//! What a connector tells about itself before it is started: its module, and the
//! `plugin.json` that goes with its program.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use outboard_contracts::connector::{
    Manifest, PROTO_VERSION,
    manifest::{MANIFEST_SCHEMA_VERSION, ManifestProblem},
    platform,
    signing::{PrivateKey, SigningError},
};
use sha2::{Digest as _, Sha256};

use super::{Connector, InvalidConnector};

/// The largest file that is read as a key, in bytes. A key has 88 and perhaps a line feed.
const MAX_KEY_FILE_BYTES: u64 = 4096;

/// The module as JSON, which is also what the call `Schema` answers.
pub fn dump_manifest<S>(connector: &Connector<S>) -> String {
    // Nothing in the type can fail to be JSON.
    serde_json::to_string(connector.module()).unwrap_or_default()
}

/// The `plugin.json` for this very program: its name, its SHA-256, what it runs on, and
/// the module. With a key it is signed both ways, over the program for old hosts and over
/// everything.
///
/// # Errors
///
/// See [`ManifestError`].
pub fn build_self_manifest<S>(
    connector: &Connector<S>,
    sign_key: Option<&PrivateKey>,
) -> Result<Manifest, ManifestError> {
    connector.check()?;
    let program = std::env::current_exe().map_err(|error| ManifestError::Program {
        path: PathBuf::from("the program itself"),
        error,
    })?;
    let unreadable = |error| ManifestError::Program {
        path: program.clone(),
        error,
    };
    let entry = program
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| {
            unreadable(io::Error::new(
                io::ErrorKind::InvalidInput,
                "its name is not UTF-8",
            ))
        })?;
    let mut manifest = Manifest {
        schema_version: MANIFEST_SCHEMA_VERSION,
        kind_word: connector.kind.as_str().to_owned(),
        version: connector.package_version().to_owned(),
        proto_version: PROTO_VERSION.into(),
        entry: entry.to_owned(),
        os_arch: vec![platform::host()],
        sha256: sha256_of(&program).map_err(unreadable)?,
        module: connector.module().clone(),
        ..Manifest::default()
    };
    // What an installer would refuse is refused here.
    manifest.check().map_err(ManifestError::Refused)?;
    if let Some(key) = sign_key {
        key.sign(&mut manifest).map_err(ManifestError::Refused)?;
    }
    Ok(manifest)
}

/// Reads a private key from its file.
pub(super) fn read_key(path: &Path) -> Result<PrivateKey, ManifestError> {
    let unreadable = |error| ManifestError::Key {
        path: path.to_owned(),
        error,
    };
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_KEY_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    PrivateKey::from_base64(&text).map_err(|error| ManifestError::Signing {
        path: path.to_owned(),
        error,
    })
}

fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 64 * 1024];
    loop {
        match file.read(&mut block)? {
            0 => break,
            length => hash.update(&block[..length]),
        }
    }
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Why there is no manifest.
#[derive(Debug)]
#[non_exhaustive]
pub enum ManifestError {
    /// The connector was declared wrongly.
    Invalid(InvalidConnector),
    /// Hosts would refuse the manifest.
    Refused(ManifestProblem),
    /// The program's own file could not be read.
    Program {
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file with the private key could not be read.
    Key {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file is not that of a private key.
    Signing {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it. Never what it holds.
        error: SigningError,
    },
}

impl std::fmt::Display for ManifestError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ManifestError::Invalid(error) => write!(formatter, "{error}"),
            ManifestError::Refused(problem) => {
                write!(formatter, "hosts would refuse the plugin.json: {problem}")
            }
            ManifestError::Program { path, error } => {
                write!(
                    formatter,
                    "cannot read the program {}: {error}",
                    path.display()
                )
            }
            ManifestError::Key { path, error } => {
                write!(
                    formatter,
                    "cannot read the signing key {}: {error}",
                    path.display()
                )
            }
            ManifestError::Signing { path, error } => {
                write!(formatter, "cannot sign with {}: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for ManifestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ManifestError::Invalid(error) => Some(error),
            ManifestError::Refused(problem) => Some(problem),
            ManifestError::Program { error, .. } | ManifestError::Key { error, .. } => Some(error),
            ManifestError::Signing { error, .. } => Some(error),
        }
    }
}

impl From<InvalidConnector> for ManifestError {
    fn from(error: InvalidConnector) -> ManifestError {
        ManifestError::Invalid(error)
    }
}
