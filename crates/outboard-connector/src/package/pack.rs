//! A package becomes an archive that others install, the same bytes each time.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use outboard_contracts::connector::{
    Manifest,
    manifest::{FILE_NAME, ManifestProblem},
    signing::PrivateKey,
};
use zip::{CompressionMethod, DateTime, ZipWriter, result::ZipError, write::SimpleFileOptions};

use super::{
    Package, PackageError,
    archive::{self, ArchiveError, Limits},
    files,
};
use crate::platform;

/// Why no archive is written, or no signature made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// It is no package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The program is not the one that `plugin.json` describes.
    #[error(
        "the program of connector {connector:?} has the SHA-256 {found}, and its plugin.json \
         says {expected}; build it again"
    )]
    Digest {
        /// The connector.
        connector: String,
        /// What `plugin.json` says.
        expected: String,
        /// What the program has.
        found: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The archive cannot be written.
    #[error("cannot write the archive {path}: {source}", path = path.display())]
    Zip {
        /// The archive.
        path: PathBuf,
        /// Why.
        #[source]
        source: ZipError,
    },
    /// No installer would take the archive.
    #[error("connector {connector:?} could not be installed from an archive: {error}")]
    NotInstallable {
        /// The connector.
        connector: String,
        /// What is wrong with it.
        #[source]
        error: ArchiveError,
    },
    /// `plugin.json` cannot be signed.
    #[error("connector {connector:?} cannot be signed: {problem}")]
    Manifest {
        /// The connector.
        connector: String,
        /// What is wrong with it.
        problem: ManifestProblem,
    },
}

/// The name of a package's archive: `KEY-VERSION-OS-ARCH.zip`.
pub fn archive_name(manifest: &Manifest, os_arch: &str) -> String {
    let version = manifest
        .version
        .strip_prefix('v')
        .unwrap_or(&manifest.version);
    let platform = os_arch.replace('/', "-");
    format!("{}-{version}-{platform}.zip", manifest.key())
}

/// Packs the package in `directory` into an archive in `out_dir`, which is made if it is
/// not there, and says where it is. The archive is named after this platform if the
/// package runs here, else after the first that it runs on. Times and owners are left out
/// and names sorted, so that equal packages are equal archives. An archive of that name is
/// replaced whole.
///
/// The finished archive is unpacked once, to be sure that an installer takes it.
///
/// # Errors
///
/// [`PackError`]; no archive is left.
pub fn pack(directory: &Path, out_dir: &Path) -> Result<PathBuf, PackError> {
    let package = Package::open(directory)?;
    check_digest(&package)?;
    let manifest = package.manifest();
    let host = platform::host();
    let os_arch = if manifest.runs_on(&host) {
        host
    } else {
        manifest.os_arch.first().cloned().unwrap_or(host)
    };
    fs::create_dir_all(out_dir).map_err(|source| PackError::Io {
        action: "make",
        path: out_dir.to_owned(),
        source,
    })?;
    let path = out_dir.join(archive_name(manifest, &os_arch));
    let write_error = |source| PackError::Io {
        action: "write",
        path: path.clone(),
        source,
    };
    let work = tempfile::Builder::new()
        .prefix(".pack-")
        .tempdir_in(out_dir)
        .map_err(write_error)?;
    let unfinished = work.path().join("package.zip");
    let file = File::create_new(&unfinished).map_err(write_error)?;
    write(&package, file)?;
    let check = work.path().join("check");
    fs::create_dir(&check).map_err(write_error)?;
    archive::extract(&unfinished, &check, &Limits::default(), &|| false).map_err(|error| {
        PackError::NotInstallable {
            connector: manifest.key().to_owned(),
            error,
        }
    })?;
    fs::rename(&unfinished, &path).map_err(write_error)?;
    Ok(path)
}

/// Signs the package in `directory` with `key`, both ways, and writes its `plugin.json`
/// anew. Keys of the file that are not known here are lost.
///
/// # Errors
///
/// [`PackError::Digest`] when the program is not the one that `plugin.json` describes, and
/// what else prevents it.
pub fn sign(directory: &Path, key: &PrivateKey) -> Result<Package, PackError> {
    let package = Package::open(directory)?;
    check_digest(&package)?;
    let mut manifest = package.manifest().clone();
    key.sign(&mut manifest)
        .map_err(|problem| PackError::Manifest {
            connector: manifest.key().to_owned(),
            problem,
        })?;
    let path = directory.join(FILE_NAME);
    let text = manifest.to_json_pretty();
    files::replace(&path, text.as_bytes(), 0o644, &|| {}).map_err(|source| PackError::Io {
        action: "write",
        path,
        source,
    })?;
    Ok(Package::open(directory)?)
}

fn check_digest(package: &Package) -> Result<(), PackError> {
    let path = package.program();
    let (found, _) = files::open_regular(&path)
        .and_then(|mut program| files::sha256(&mut program))
        .map_err(|source| PackError::Io {
            action: "read",
            path,
            source,
        })?;
    let manifest = package.manifest();
    if found != manifest.sha256 {
        return Err(PackError::Digest {
            connector: manifest.key().to_owned(),
            expected: manifest.sha256.clone(),
            found,
        });
    }
    Ok(())
}

fn write(package: &Package, file: File) -> Result<(), PackError> {
    let directory = package.directory();
    let mut names = Vec::new();
    list(directory, "", &mut names).map_err(|source| PackError::Io {
        action: "read",
        path: directory.to_owned(),
        source,
    })?;
    names.sort_unstable();
    let zip_error = |source| PackError::Zip {
        path: directory.to_owned(),
        source,
    };
    let mut writer = ZipWriter::new(file);
    for name in names {
        let mode = if name == package.manifest().entry {
            0o755
        } else {
            0o644
        };
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(mode);
        writer
            .start_file(name.as_str(), options)
            .map_err(zip_error)?;
        let path = directory.join(&name);
        files::open_regular(&path)
            .and_then(|mut file| io::copy(&mut file, &mut writer))
            .map_err(|source| PackError::Io {
                action: "pack",
                path,
                source,
            })?;
    }
    let mut file = writer.finish().map_err(zip_error)?;
    file.flush()
        .and_then(|()| file.sync_all())
        .map_err(|source| PackError::Io {
            action: "write",
            path: directory.to_owned(),
            source,
        })
}

/// The files below `directory`, as an archive names them. What no archive may hold is
/// found by unpacking it.
fn list(directory: &Path, below: &str, names: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "the name of a file is not UTF-8",
            )
        })?;
        if below.is_empty() && name == crate::store::RECORD_NAME {
            continue;
        }
        let path = format!("{below}{name}");
        if entry.file_type()?.is_dir() {
            if below.len() > 1024 {
                return Err(io::Error::other("directories are nested too deeply"));
            }
            list(&entry.path(), &format!("{path}/"), names)?;
        } else {
            names.push(path);
        }
    }
    Ok(())
}
