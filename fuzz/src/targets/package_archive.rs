//! An archive of a package: whatever it says, nothing comes out of it but plain files and
//! directories, in the directory that was meant, and within the limits.
//!
//! What begins with `tar:` is packed here, so that a search is not stopped by a checksum.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use outboard_connector::package::archive::{Limits, extract};

const MOST: u64 = 64 * 1024;

pub(super) fn run(bytes: &[u8]) {
    // There is no input that makes a directory of our own fail.
    tried(bytes).unwrap_or_else(|error| panic!("the disk of this test: {error}"));
}

fn tried(bytes: &[u8]) -> io::Result<()> {
    // In memory where that can be had: thirty times as many inputs in a second.
    let memory = Path::new("/dev/shm");
    let directory = match memory.is_dir() {
        true => tempfile::tempdir_in(memory)?,
        false => tempfile::tempdir()?,
    };
    let (archive, into) = (directory.path().join("a"), directory.path().join("into"));
    fs::write(&archive, packed(bytes)?)?;
    fs::create_dir(&into)?;
    let limits = Limits {
        entry_bytes: MOST,
        total_bytes: MOST,
        entries: 20,
        ..Limits::default()
    };
    let extracted = extract(&archive, &into, &limits, &|| false);
    let mut left = Found::default();
    left.walk(&into)?;
    match &extracted {
        Ok(extracted) => {
            assert!(extracted.directory.starts_with(&into));
            assert!(extracted.directory.join("plugin.json").is_file());
            assert_eq!((extracted.files, extracted.bytes), (left.files, left.bytes));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    assert!(left.bytes <= MOST, "{} bytes", left.bytes);
    let beside = fs::read_dir(directory.path())?.count();
    assert_eq!(beside, 2, "something is beside the archive");
    Ok(())
}

fn packed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let Some(tar) = bytes.strip_prefix(b"tar:") else {
        return Ok(bytes.to_vec());
    };
    let mut packed = GzEncoder::new(Vec::new(), Compression::none());
    packed.write_all(tar)?;
    packed.finish()
}

#[derive(Default)]
struct Found {
    files: usize,
    bytes: u64,
}

impl Found {
    fn walk(&mut self, directory: &Path) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            // Of the entry itself, not of what it may point to.
            let metadata = entry.metadata()?;
            #[cfg(unix)]
            {
                let mode = std::os::unix::fs::MetadataExt::mode(&metadata) & 0o7777;
                let plain = if metadata.is_dir() { 0o700 } else { 0o600 };
                assert_eq!(mode, plain, "{mode:o} of {:?}", entry.path());
            }
            if metadata.is_dir() {
                self.walk(&entry.path())?;
            } else {
                assert!(metadata.is_file(), "{:?}", metadata.file_type());
                self.files += 1;
                self.bytes += metadata.len();
            }
        }
        Ok(())
    }
}
