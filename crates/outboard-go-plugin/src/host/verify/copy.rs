//! A private copy of a program: made from the descriptor that is hashed, in a
//! directory that nobody else may enter, gone with its last user or with the host.
//!
//! ```text
//! /tmp/outboard-verified-Xy12/     0700, locked while it is in use
//!   bin/                           named as the program's own directory
//!     kv                           0500, the verified bytes
//!     libkv.so  ─▸ /opt/kv/bin/libkv.so
//!   lib         ─▸ /opt/kv/lib
//! ```

use std::{
    env,
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use tempfile::TempDir;

use super::{
    Checksum, VerificationError,
    neighbours::Neighbours,
    source::{Failure, Source},
    sweep,
};
use crate::host::guardian::{self, Watched};

/// How the directories' names begin, by which leftovers are known.
pub(super) const PREFIX: &str = "outboard-verified-";
/// How often a directory is made anew that another host took for a leftover.
const ATTEMPTS: usize = 10;

/// A verified program on disk. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct PrivateCopy {
    program: PathBuf,
    identity: Identity,
    // Removed first, and only then left to itself.
    _directory: TempDir,
    _watched: Option<Watched>,
    _lock: File,
}

impl PrivateCopy {
    pub(super) fn make(
        program: &Path,
        checksum: &Checksum,
        cancelled: &AtomicBool,
    ) -> Result<PrivateCopy, VerificationError> {
        PrivateCopy::make_among(places(), program, checksum, cancelled)
    }

    fn make_among(
        places: Vec<PathBuf>,
        program: &Path,
        checksum: &Checksum,
        cancelled: &AtomicBool,
    ) -> Result<PrivateCopy, VerificationError> {
        let source = Source::open(program)?;
        let neighbours = Neighbours::of(program)?;
        let mut tried = Vec::new();
        for place in places {
            match PrivateCopy::make_in(&place, &source, &neighbours, checksum, cancelled) {
                Ok(copy) => return Ok(copy),
                Err(Failure::Verification(error)) => return Err(error),
                // No room, no permission, not there: another place may do.
                Err(Failure::Write(error)) => tried.push((place, error)),
            }
        }
        Err(VerificationError::NoPlace { tried })
    }

    fn make_in(
        place: &Path,
        source: &Source,
        neighbours: &Neighbours,
        checksum: &Checksum,
        cancelled: &AtomicBool,
    ) -> Result<PrivateCopy, Failure> {
        sweep::once(place);
        allows_execution(place).map_err(Failure::Write)?;
        let (directory, lock) = locked_directory(place).map_err(Failure::Write)?;
        let watched = guardian::watch_directory(directory.path());
        let program = neighbours
            .link_into(directory.path())
            .map_err(Failure::Write)?;
        // Nobody may write, not even its user without saying so; and nobody can
        // open it for writing between here and the end of the copying.
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o500)
            .open(&program)
            .map_err(Failure::Write)?;
        source.verify(checksum, cancelled, |piece| file.write_all(piece))?;
        // Whatever the umask left of it.
        file.set_permissions(fs::Permissions::from_mode(0o500))
            .map_err(Failure::Write)?;
        let identity = file.metadata().map(|it| Identity::of(&it));
        Ok(PrivateCopy {
            program,
            identity: identity.map_err(Failure::Write)?,
            _directory: directory,
            _watched: watched,
            _lock: lock,
        })
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Whether the path still names the file that was written, unchanged since.
    pub(super) fn is_intact(&self) -> bool {
        fs::symlink_metadata(&self.program).is_ok_and(|it| Identity::of(&it) == self.identity)
    }
}

/// Which file it is, and when it was last changed in content, name or
/// permissions: the time of change is the kernel's and nobody can set it.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    length: u64,
    mode: u32,
    changed: (i64, i64),
}

impl Identity {
    fn of(metadata: &fs::Metadata) -> Identity {
        Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            mode: metadata.mode(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Where a copy may go, best first.
fn places() -> Vec<PathBuf> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from);
    let candidates = [
        Some(env::temp_dir()),
        Some(PathBuf::from("/tmp")),
        Some(PathBuf::from("/var/tmp")),
        variable("XDG_CACHE_HOME"),
        variable("HOME").map(|home| home.join(".cache")),
        variable("XDG_RUNTIME_DIR"),
    ];
    let mut places: Vec<PathBuf> = Vec::new();
    for place in candidates.into_iter().flatten() {
        if place.is_absolute() && !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// A file system that is mounted `noexec` would only say so at the start.
fn allows_execution(place: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let flags = rustix::fs::statvfs(place)?.f_flag;
        if flags.contains(rustix::fs::StatVfsMountFlags::NOEXEC) {
            return Err(io::Error::other("it is mounted noexec"));
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = place;
    Ok(())
}

/// A new directory and the lock that says that it is in use.
fn locked_directory(place: &Path) -> io::Result<(TempDir, File)> {
    for _ in 0..ATTEMPTS {
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(place)?;
        // Another host's sweep may be faster than the lock. Then this directory
        // is its, and the next one may be ours.
        let Ok(lock) = File::open(directory.path()) else {
            continue;
        };
        if sweep::lock(&lock)? && sweep::is_at(&lock, directory.path()) {
            return Ok((directory, lock));
        }
    }
    Err(io::Error::other(
        "directories made in it are removed at once",
    ))
}

/// The name that a path ends in.
pub(super) fn last_name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or(OsStr::new("program"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::host::ChecksumAlgorithm;

    /// A place for copies, and a program below a directory of its own.
    fn place_and_program(content: &[u8]) -> (TempDir, TempDir, PathBuf) {
        let (place, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let program = home.path().join("kv/bin/kv");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, content).unwrap();
        (place, home, program)
    }

    fn checksum(program: &Path) -> Checksum {
        Checksum::of_file(ChecksumAlgorithm::Sha512, program).unwrap()
    }

    fn make(
        place: &Path,
        program: &Path,
        checksum: &Checksum,
    ) -> Result<PrivateCopy, VerificationError> {
        let places = vec![place.to_owned()];
        PrivateCopy::make_among(places, program, checksum, &AtomicBool::new(false))
    }

    fn left_in(place: &TempDir) -> usize {
        fs::read_dir(place.path()).unwrap().count()
    }

    #[test]
    fn a_copy_is_private_readable_by_its_program_and_gone_with_its_owner() {
        let (place, _home, program) = place_and_program(b"a program");
        let copy = make(place.path(), &program, &checksum(&program)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(fs::read(copy.program()).unwrap(), b"a program");
        assert_eq!(mode(copy.program()), 0o500);
        for directory in copy.program().ancestors().skip(1).take(2) {
            assert_eq!(mode(directory), 0o700, "{}", directory.display());
        }
        assert!(copy.is_intact());
        drop(copy);
        assert_eq!(left_in(&place), 0);
        assert!(program.exists());
    }

    #[test]
    fn what_has_another_checksum_leaves_nothing_and_is_not_tried_elsewhere() {
        let (place, _home, program) = place_and_program(b"a program");
        let wrong = Checksum::sha256([0; 32]);
        let places = vec![place.path().to_owned(), place.path().join("second")];
        let made = PrivateCopy::make_among(places, &program, &wrong, &AtomicBool::new(false));
        let Err(VerificationError::Mismatch {
            expected, actual, ..
        }) = made
        else {
            panic!("{made:?}")
        };
        assert_eq!(expected, wrong);
        let right = Checksum::of_file(ChecksumAlgorithm::Sha256, &program).unwrap();
        assert_eq!(actual, right);
        assert_eq!(left_in(&place), 0);
    }

    #[test]
    fn the_first_place_that_will_do_is_taken_and_otherwise_all_are_named() {
        let (place, home, program) = place_and_program(b"a program");
        let unfit = [home.path().join("missing"), program.clone()];
        let mut places = unfit.to_vec();
        places.push(place.path().to_owned());
        let flag = AtomicBool::new(false);
        let sum = checksum(&program);
        let copy = PrivateCopy::make_among(places, &program, &sum, &flag).unwrap();
        assert!(copy.program().starts_with(place.path()));

        let made = PrivateCopy::make_among(unfit.to_vec(), &program, &sum, &flag);
        let error = made.unwrap_err();
        assert!(
            matches!(error, VerificationError::NoPlace { .. }),
            "{error:?}"
        );
        for place in unfit {
            let place = place.display().to_string();
            assert!(error.to_string().contains(&place), "{error}");
        }
    }

    #[test]
    fn copying_stops_when_nobody_waits_and_leaves_nothing() {
        let (place, _home, program) = place_and_program(b"a program");
        let sum = checksum(&program);
        let places = vec![place.path().to_owned()];
        let made = PrivateCopy::make_among(places, &program, &sum, &AtomicBool::new(true));
        assert!(
            matches!(made, Err(VerificationError::Unreadable { .. })),
            "{made:?}"
        );
        assert_eq!(left_in(&place), 0);
    }

    #[test]
    fn an_edit_a_replacement_and_a_removal_of_the_copy_are_noticed() {
        let (place, _home, program) = place_and_program(b"a program");
        let sum = checksum(&program);

        let copy = make(place.path(), &program, &sum).unwrap();
        let times = fs::metadata(copy.program()).unwrap();
        fs::set_permissions(copy.program(), fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(copy.program(), b"A program").unwrap();
        fs::set_permissions(copy.program(), fs::Permissions::from_mode(0o500)).unwrap();
        let file = File::open(copy.program()).unwrap();
        file.set_modified(times.modified().unwrap()).unwrap();
        assert!(
            !copy.is_intact(),
            "also with the same length, mode and time"
        );

        let copy = make(place.path(), &program, &sum).unwrap();
        let other = copy.program().with_extension("new");
        fs::write(&other, b"a program").unwrap();
        fs::rename(&other, copy.program()).unwrap();
        assert!(!copy.is_intact());

        let copy = make(place.path(), &program, &sum).unwrap();
        fs::remove_file(copy.program()).unwrap();
        assert!(!copy.is_intact());
    }

    #[test]
    fn neighbours_of_both_ends_of_a_link_and_above_are_linked() {
        let (place, home, program) = place_and_program(b"a program");
        let at = |name: &str| home.path().join(name);
        fs::write(at("kv/bin/beside"), "the program's").unwrap();
        fs::create_dir(at("kv/lib64")).unwrap();
        fs::write(at("kv/lib64/above"), "a library").unwrap();
        fs::write(at("kv/unrelated"), "").unwrap();
        fs::create_dir(at("links")).unwrap();
        fs::write(at("links/beside"), "the link's").unwrap();
        fs::write(at("links/beside-link"), "the link's alone").unwrap();
        let link = at("links/started-as");
        std::os::unix::fs::symlink(&program, &link).unwrap();

        let copy = make(place.path(), &link, &checksum(&program)).unwrap();
        let beside = |name: &str| fs::read_to_string(copy.program().with_file_name(name));
        assert_eq!(last_name(copy.program()), "started-as");
        assert_eq!(beside("beside").unwrap(), "the program's");
        assert_eq!(beside("beside-link").unwrap(), "the link's alone");
        assert_eq!(beside("../lib64/above").unwrap(), "a library");
        assert!(beside("../unrelated").is_err());
        let own = fs::canonicalize(copy.program().with_file_name("kv")).unwrap();
        assert_eq!(
            own,
            fs::canonicalize(copy.program()).unwrap(),
            "not the original"
        );
    }

    #[test]
    fn a_crowded_directory_is_refused_by_name() {
        let (place, _home, program) = place_and_program(b"a program");
        for number in 0..10_000 {
            File::create(program.with_file_name(format!("file{number}"))).unwrap();
        }
        let made = make(place.path(), &program, &checksum(&program));
        let Err(VerificationError::Crowded { directory, limit }) = made else {
            panic!("{made:?}")
        };
        assert_eq!(
            (directory.as_path(), limit),
            (program.parent().unwrap(), 10_000)
        );
    }
}
