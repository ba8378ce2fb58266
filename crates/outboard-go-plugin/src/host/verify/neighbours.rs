//! What lies beside a program, linked beside its copy: libraries that are found
//! relative to it, and a script's own modules. They are not verified.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::fs::{DirBuilderExt as _, symlink},
    path::{Path, PathBuf},
};

use super::{VerificationError, copy::last_name};

/// How many files may lie beside a program.
const MOST: usize = 10_000;
/// What programs look for in the directory above their own, besides `lib*`.
const ABOVE: &[&str] = &["share", "etc"];

/// A program's place.
pub(super) struct Neighbours {
    /// The name by which it is started.
    name: OsString,
    /// The name that it has behind all links; the copy answers to it too.
    own_name: OsString,
    /// The directory that it really lies in. An ELF program's `$ORIGIN`.
    directory: PathBuf,
    beside: Vec<PathBuf>,
    above: Vec<PathBuf>,
}

impl Neighbours {
    pub(super) fn of(program: &Path) -> Result<Neighbours, VerificationError> {
        let unreadable = |error| VerificationError::unreadable(program, error);
        let own = fs::canonicalize(program).map_err(unreadable)?;
        let directory = own.parent().unwrap_or(Path::new("/")).to_owned();
        let mut beside = entries(&directory)?;
        // A script that is started through a link looks beside the link.
        let linked = program.parent().unwrap_or(Path::new("/"));
        if fs::canonicalize(linked).map_err(unreadable)? != directory {
            beside.extend(entries(linked)?);
        }
        let mut above = Vec::new();
        if let Some(parent) = directory.parent() {
            above = entries(parent).unwrap_or_default();
            above.retain(|path| is_looked_for(last_name(path)));
        }
        Ok(Neighbours {
            name: last_name(program).to_owned(),
            own_name: last_name(&own).to_owned(),
            directory,
            beside,
            above,
        })
    }

    /// Makes the program's directory anew below `root`, without the program, and
    /// says where that belongs.
    pub(super) fn link_into(&self, root: &Path) -> io::Result<PathBuf> {
        let inner = root.join(last_name(&self.directory));
        fs::DirBuilder::new().mode(0o700).create(&inner)?;
        if self.own_name != self.name {
            symlink(&self.name, inner.join(&self.own_name))?;
        }
        for path in &self.beside {
            if last_name(path) != self.name {
                link(path, &inner)?;
            }
        }
        for path in &self.above {
            link(path, root)?;
        }
        Ok(inner.join(&self.name))
    }
}

fn is_looked_for(name: &OsStr) -> bool {
    ABOVE.iter().any(|known| name == *known) || name.as_encoded_bytes().starts_with(b"lib")
}

/// What comes first keeps the name.
fn link(path: &Path, directory: &Path) -> io::Result<()> {
    match symlink(path, directory.join(last_name(path))) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

/// A directory that may be entered but not listed has nothing to link.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, VerificationError> {
    let Ok(listing) = fs::read_dir(directory) else {
        return Ok(Vec::new());
    };
    let entries: Vec<_> = listing
        .flatten()
        .map(|entry| entry.path())
        .take(MOST + 1)
        .collect();
    if entries.len() > MOST {
        return Err(VerificationError::Crowded {
            directory: directory.to_owned(),
            limit: MOST,
        });
    }
    Ok(entries)
}
