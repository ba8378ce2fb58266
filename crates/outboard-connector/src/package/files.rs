//! Files of which nothing is known yet, and files that must survive a crash.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write as _},
    path::Path,
};

use sha2::{Digest as _, Sha256};

/// How much is read, hashed and written at once.
pub(crate) const PIECE_BYTES: usize = 128 * 1024;

/// Opens what must be a regular file. A link is not followed, and something that would
/// block, such as a pipe, does not.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    #[cfg(not(unix))]
    if fs::symlink_metadata(path)?.is_symlink() {
        return Err(irregular("a symbolic link"));
    }
    let file = options.open(path).map_err(|error| {
        #[cfg(unix)]
        if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
            return irregular("a symbolic link");
        }
        error
    })?;
    if !file.metadata()?.is_file() {
        return Err(irregular("no regular file"));
    }
    Ok(file)
}

fn irregular(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}"))
}

/// Reads a whole file of at most `limit` bytes.
pub(crate) fn read_all(file: File, limit: usize) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    let too_large = || {
        let text = format!("it has more than {limit} bytes");
        io::Error::new(io::ErrorKind::FileTooLarge, text)
    };
    if length > limit as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Opens a regular file and reads it whole.
pub(crate) fn read_regular(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    read_all(open_regular(path)?, limit)
}

/// The SHA-256 of everything that `reader` gives, in hexadecimal digits, and how much
/// that was.
pub(crate) fn sha256(reader: &mut dyn Read) -> io::Result<(String, u64)> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut bytes = 0;
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok((hex(&hasher.finalize()), bytes)),
            Ok(read) => {
                hasher.update(&piece[..read]);
                bytes += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Hexadecimal digits in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A new file that only its owner may read; an error if there is one.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// Sets who may do what with a file or a directory, whatever the umask says.
pub(crate) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    }
    #[cfg(not(unix))]
    {
        let _ = (path, mode);
        Ok(())
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return File::open(path)?.sync_all();
    // Elsewhere a directory cannot be opened as a file.
    #[cfg(not(unix))]
    {
        let _ = path;
        Ok(())
    }
}

/// Makes everything under `path` durable: each file, then the directory that names it.
pub(crate) fn sync_tree(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            open_regular(&entry.path())?.sync_all()?;
        }
    }
    sync_directory(path)
}

/// Writes a file that is there whole or not at all: beside it under another name, made
/// durable, renamed over it, and the rename made durable. `before_rename` is called in
/// between. Two writers of one file must exclude each other.
pub(crate) fn replace(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    before_rename: &dyn Fn(),
) -> io::Result<()> {
    let beside = beside(path)?;
    remove_if_there(&beside)?;
    let mut file = create_private(&beside)?;
    file.write_all(bytes)?;
    set_mode(&beside, mode)?;
    file.sync_all()?;
    before_rename();
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(parent) => sync_directory(parent),
        None => Ok(()),
    }
}

/// The name under which [`replace`] writes.
pub(crate) fn beside(path: &Path) -> io::Result<std::path::PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| irregular("no name of a file"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".new");
    Ok(path.with_file_name(hidden))
}

/// Removes a file, or a link and not what it points at. One that is not there is fine.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes a directory and everything in it, or a file, or a link and not what it points
/// at. One that is not there is fine.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    let is_directory = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.is_dir(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !is_directory {
        return remove_if_there(path);
    }
    // The standard library's removal never follows a link.
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
