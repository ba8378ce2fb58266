//! The committed inputs of a target.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Every file of a target's corpus with its content, in the order of their names.
///
/// # Errors
///
/// When the directory cannot be read.
pub fn corpus(target: &str) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        paths.push(entry?.path());
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| fs::read(&path).map(|bytes| (path, bytes)))
        .collect()
}
