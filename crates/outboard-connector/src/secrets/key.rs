//! Keys, and the file that holds them: one key in base64 per line, the first one writes.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::Path,
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    aead::{AES_256_GCM, LessSafeKey, UnboundKey},
    digest,
    rand::{SecureRandom as _, SystemRandom},
};

use super::SecretError;

/// How many bytes a key has.
const KEY_BYTES: usize = 32;

/// More is no key file.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// A key for values at rest: 32 bytes for AES-256-GCM. Debug output shows its id alone.
#[derive(Clone)]
pub struct SecretKey {
    id: String,
    bytes: [u8; KEY_BYTES],
    cipher: Arc<LessSafeKey>,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SecretKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl SecretKey {
    /// A new key.
    ///
    /// # Errors
    ///
    /// [`SecretError::NoRandomness`].
    pub fn generate() -> Result<SecretKey, SecretError> {
        let mut bytes = [0; KEY_BYTES];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| SecretError::NoRandomness)?;
        SecretKey::from_bytes(bytes)
    }

    fn from_bytes(bytes: [u8; KEY_BYTES]) -> Result<SecretKey, SecretError> {
        let cipher =
            UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| SecretError::MalformedKey {
                reason: "it does not have 32 bytes".to_owned(),
            })?;
        // A prefix, so that the id is the hash of nothing else that is ever hashed.
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"outboard secret key id\0");
        hash.update(&bytes);
        let id = hash.finish().as_ref()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(SecretKey {
            id,
            bytes,
            cipher: Arc::new(LessSafeKey::new(cipher)),
        })
    }

    /// Reads a key: 32 bytes in standard base64, padded or not. White space around it is
    /// passed over.
    ///
    /// # Errors
    ///
    /// [`SecretError::MalformedKey`]. It never holds the text.
    pub fn from_base64(text: &str) -> Result<SecretKey, SecretError> {
        let malformed = |reason: String| SecretError::MalformedKey { reason };
        let text = text.trim();
        if text.is_empty() {
            return Err(malformed("it is empty".to_owned()));
        }
        let bytes = STANDARD
            .decode(text)
            .or_else(|_| base64::engine::general_purpose::STANDARD_NO_PAD.decode(text))
            .map_err(|_| malformed("it is not base64".to_owned()))?;
        let length = bytes.len();
        let bytes: [u8; KEY_BYTES] = bytes
            .try_into()
            .map_err(|_| malformed(format!("it has {length} bytes")))?;
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err(malformed("all its bytes are the same".to_owned()));
        }
        SecretKey::from_bytes(bytes)
    }

    /// Reads the first key of a file. If there is no file, one is made with a new key,
    /// durably and as a whole (mode 0600, its directory 0700); of two processes that do
    /// this at once, both get the same key. [`Secrets::load_or_create`] reads all keys of
    /// the file.
    ///
    /// [`Secrets::load_or_create`]: super::Secrets::load_or_create
    ///
    /// # Errors
    ///
    /// [`SecretError::KeyFileOpen`] when group or others have any right to the file,
    /// [`SecretError::KeyFileForeign`] when it is somebody else's,
    /// [`SecretError::MalformedKey`] when no key is in it, [`SecretError::KeyFile`] when
    /// the system refuses. An existing file is never changed.
    pub fn load_or_create(path: &Path) -> Result<SecretKey, SecretError> {
        let mut keys = load_or_create(path)?;
        Ok(keys.swap_remove(0))
    }

    /// The key's id, which stands in every value sealed with it: 16 digits of hex that
    /// tell nothing about the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key as [`SecretKey::from_base64`] reads it. Keep it where no one else reads.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.bytes)
    }

    pub(super) fn cipher(&self) -> &LessSafeKey {
        &self.cipher
    }
}

/// Keys separated by commas or line ends; at least one.
pub(super) fn read_list(text: &str) -> Result<Vec<SecretKey>, SecretError> {
    let mut keys: Vec<SecretKey> = Vec::new();
    for part in text.split([',', '\n']).map(str::trim) {
        if part.is_empty() || part.starts_with('#') {
            continue;
        }
        let key = SecretKey::from_base64(part)?;
        if keys.iter().all(|known| known.id != key.id) {
            keys.push(key);
        }
    }
    if keys.is_empty() {
        return Err(SecretError::MalformedKey {
            reason: "it is empty".to_owned(),
        });
    }
    Ok(keys)
}

pub(super) fn load_or_create(path: &Path) -> Result<Vec<SecretKey>, SecretError> {
    let made = |error: &io::Error| SecretError::KeyFile {
        path: path.to_owned(),
        doing: "made",
        reason: error.to_string(),
    };
    match load(path) {
        Ok(Some(keys)) => return Ok(keys),
        Ok(None) => {}
        Err(error) => return Err(error),
    }
    let key = SecretKey::generate()?;
    let directory = directory_of(path);
    make_directory(directory).map_err(|error| made(&error))?;
    let file = write_beside(path, std::slice::from_ref(&key)).map_err(|error| made(&error))?;
    match file.persist_noclobber(path) {
        Ok(_) => {
            sync_directory(directory).map_err(|error| made(&error))?;
            tracing::info!(path = %path.display(), key = key.id(), "made a key for secrets; back it up: without it they cannot be read");
            Ok(vec![key])
        }
        // Another process was faster; its key is the one.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            load(path)?.ok_or_else(|| made(&error.error))
        }
        Err(error) => Err(made(&error.error)),
    }
}

/// The right to change the file, until it is dropped. Of two processes that rotate at
/// once, one would otherwise lose the key that it has sealed values with.
pub(super) fn lock(path: &Path) -> Result<File, SecretError> {
    let refused = |reason: String| SecretError::KeyFile {
        path: path.to_owned(),
        doing: "replaced",
        reason,
    };
    let directory = File::open(directory_of(path)).map_err(|error| refused(error.to_string()))?;
    match directory.try_lock() {
        Ok(()) => Ok(directory),
        Err(fs::TryLockError::WouldBlock) => Err(refused(
            "another process is changing it; try again".to_owned(),
        )),
        Err(fs::TryLockError::Error(error)) => Err(refused(error.to_string())),
    }
}

/// Replaces the file as a whole.
pub(super) fn replace_file(path: &Path, keys: &[SecretKey]) -> Result<(), SecretError> {
    let write = || -> io::Result<()> {
        let file = write_beside(path, keys)?;
        file.persist(path).map_err(|error| error.error)?;
        sync_directory(directory_of(path))
    };
    write().map_err(|error| SecretError::KeyFile {
        path: path.to_owned(),
        doing: "replaced",
        reason: error.to_string(),
    })
}

fn load(path: &Path) -> Result<Option<Vec<SecretKey>>, SecretError> {
    let unreadable = |reason: String| SecretError::KeyFile {
        path: path.to_owned(),
        doing: "read",
        reason,
    };
    let file = match open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    // Of the open file, so that what was checked is what is read.
    let metadata = file
        .metadata()
        .map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("it is no file".to_owned()));
    }
    check_owner(path, &metadata)?;
    let mut text = String::new();
    let read = file
        .take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(error.to_string()))?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(unreadable(format!(
            "it has more than {MAX_FILE_BYTES} bytes"
        )));
    }
    match read_list(&text) {
        Ok(keys) => Ok(Some(keys)),
        Err(SecretError::MalformedKey { reason }) => Err(SecretError::MalformedKey {
            reason: format!("{}: {reason}", path.display()),
        }),
        Err(error) => Err(error),
    }
}

/// Opens without waiting, should the path name a pipe.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(unix)]
fn check_owner(path: &Path, metadata: &fs::Metadata) -> Result<(), SecretError> {
    use std::os::unix::fs::MetadataExt as _;
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SecretError::KeyFileOpen {
            path: path.to_owned(),
            mode,
        });
    }
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(SecretError::KeyFileForeign {
            path: path.to_owned(),
            owner,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_owner(_: &Path, _: &fs::Metadata) -> Result<(), SecretError> {
    Ok(())
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A temporary file, complete and on disk. `tempfile` makes it with mode 0600.
fn write_beside(path: &Path, keys: &[SecretKey]) -> io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .prefix(".secret.")
        .tempfile_in(directory_of(path))?;
    for key in keys {
        writeln!(file, "{}", key.to_base64())?;
    }
    file.as_file().sync_all()?;
    Ok(file)
}

fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Makes a rename in it durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
