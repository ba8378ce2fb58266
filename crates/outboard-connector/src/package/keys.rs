//! Files with private keys, which only their owner may read.
//!
//! A file has the 64 bytes of the key in base64, as the original writes it.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use outboard_contracts::connector::signing::{PrivateKey, PublicKey, SigningError};

use super::files;

/// The most bytes of a file that are read as a key.
const MAX_BYTES: usize = 4 * 1024;

/// A file that is no private key, or should not be used as one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// It cannot be read or written.
    #[error("cannot {action} the private key {path}: {source}", path = path.display())]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is a file already, which is never overwritten.
    #[error(
        "{path} exists and is not overwritten, because what it signed could not be signed \
         again; choose another name",
        path = path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others than its owner may read it.
    #[error(
        "others may read the private key {path} (its mode is {mode:o}); take the right away with \
         chmod 600, and make a new key if somebody may have read it",
        path = path.display()
    )]
    ReadableByOthers {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It holds no private key.
    #[error("{path} holds no usable key: {error}", path = path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it. Never its content.
        error: SigningError,
    },
}

/// Makes a new key and writes its private half to a new file with mode 0600. The
/// directories above it are made if they are not there.
///
/// # Errors
///
/// [`KeyFileError::Exists`] when there is such a file, and what else prevents it.
pub fn generate_key(path: &Path) -> Result<PublicKey, KeyFileError> {
    let write_error = |source| KeyFileError::Io {
        action: "write",
        path: path.to_owned(),
        source,
    };
    let key = PrivateKey::generate().map_err(|error| KeyFileError::Key {
        path: path.to_owned(),
        error,
    })?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(write_error)?;
    }
    let mut file = match files::create_private(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(KeyFileError::Exists {
                path: path.to_owned(),
            });
        }
        Err(error) => return Err(write_error(error)),
    };
    let text = format!("{}\n", key.to_base64());
    if let Err(error) = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
    {
        // Half a key is none, and would be in the way.
        let _ = fs::remove_file(path);
        return Err(write_error(error));
    }
    Ok(key.public())
}

/// Reads a private key. A link is followed, for secrets are mounted as links.
///
/// # Errors
///
/// [`KeyFileError::ReadableByOthers`] when anyone but its owner may read or write it, and
/// why it is no key. No error has any of its content.
pub fn read_private_key(path: &Path) -> Result<PrivateKey, KeyFileError> {
    let read_error = |source| KeyFileError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let real = fs::canonicalize(path).map_err(read_error)?;
    let file = files::open_regular(&real).map_err(read_error)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file.metadata().map_err(read_error)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::ReadableByOthers {
                path: path.to_owned(),
                mode,
            });
        }
    }
    let bytes = files::read_all(file, MAX_BYTES).map_err(read_error)?;
    // A text that is not UTF-8 is not base64 either.
    let text = String::from_utf8(bytes).unwrap_or_default();
    PrivateKey::from_base64(&text).map_err(|error| KeyFileError::Key {
        path: path.to_owned(),
        error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_its_owners_alone_and_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys/signing.key");
        let public = generate_key(&path).unwrap();
        assert_eq!(read_private_key(&path).unwrap().public(), public);
        let before = fs::read(&path).unwrap();
        assert!(matches!(
            generate_key(&path),
            Err(KeyFileError::Exists { .. })
        ));
        assert_eq!(fs::read(&path).unwrap(), before);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            let error = read_private_key(&path).unwrap_err();
            assert!(matches!(
                error,
                KeyFileError::ReadableByOthers { mode: 0o640, .. }
            ));
        }
    }

    #[test]
    fn the_originals_key_file_is_read_and_a_wrong_one_is_not_repeated_in_the_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signing.key");
        let original = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwfqSmxj4pxSCr71UHsTLsX5lUd2rr6+e5JCHuppFEbSLA==\n";
        let mut file = files::create_private(&path).unwrap();
        file.write_all(original.as_bytes()).unwrap();
        let public = "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=";
        assert_eq!(
            read_private_key(&path).unwrap().public().to_base64(),
            public
        );
        fs::write(&path, "c2VjcmV0c2VjcmV0").unwrap();
        let error = read_private_key(&path).unwrap_err().to_string();
        assert!(!error.contains("c2Vj"), "{error}");
    }
}
