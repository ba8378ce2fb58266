//! A package is made from a project, or from a program in any language.
//!
//! [`build`] compiles a Cargo project, asks its program what it is, and writes the
//! package. The program never sees the key that signs it: it is asked for its
//! `plugin.json` without one, and what it says about itself that a build knows better,
//! its digest, platform, name and version, is replaced.
//!
//! [`assemble`] takes a `plugin.json` that somebody wrote and a program that somebody built.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use outboard_contracts::connector::{
    Manifest,
    manifest::{FILE_NAME, MANIFEST_SCHEMA_VERSION, MAX_MANIFEST_BYTES, ManifestProblem},
    signing::PrivateKey,
    validate_key,
};
use serde_json::Value;

use super::{
    Package, PackageError, files,
    process::{self, Failure, Stderr},
};
use crate::platform;

/// How long a compilation may take: 30 minutes.
pub const BUILD_DEADLINE: Duration = Duration::from_secs(30 * 60);

/// How long a program may take to print its `plugin.json`: 30 seconds.
pub const DUMP_DEADLINE: Duration = Duration::from_secs(30);

/// The most bytes of Cargo's messages that are read: 64 MiB.
const MAX_MESSAGES_BYTES: usize = 64 * 1024 * 1024;

/// Why no package is made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A program could not be started.
    #[error("cannot run {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A program did not end in time and was ended.
    #[error("{program} took longer than {deadline:?} and was stopped")]
    TimedOut {
        /// The program.
        program: String,
        /// What it had.
        deadline: Duration,
    },
    /// The caller wants no package any more.
    #[error("the build was cancelled")]
    Cancelled,
    /// A program printed more than it may.
    #[error("{program} printed more than {limit} bytes")]
    TooMuchOutput {
        /// The program.
        program: String,
        /// What it may print.
        limit: usize,
    },
    /// A program failed.
    #[error("{program} failed with {status}{}", last_words(stderr))]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote to standard error, if that was kept.
        stderr: String,
    },
    /// Cargo said something that cannot be understood.
    #[error("cannot understand what cargo said about {project}: {reason}", project = project.display())]
    Cargo {
        /// The project.
        project: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The project has no program, or several.
    #[error(
        "{project} builds {}; say which program is the connector",
        match programs.as_slice() { [] => "no program".to_owned(), some => some.join(", ") },
        project = project.display()
    )]
    Programs {
        /// The project.
        project: PathBuf,
        /// The names of its programs.
        programs: Vec<String>,
    },
    /// What the program printed is no `plugin.json`, or what was written is none to install.
    #[error("the plugin.json of {program} cannot be used: {problem}")]
    Manifest {
        /// The program.
        program: String,
        /// What is wrong with it.
        problem: ManifestProblem,
    },
    /// It is another connector than the one that was asked for.
    #[error("the connector {expected:?} was asked for, and the program says that it is {found:?}")]
    OtherKey {
        /// What was asked for.
        expected: String,
        /// What it says.
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
    /// What was written is no package.
    #[error(transparent)]
    Package(#[from] PackageError),
}

fn last_words(stderr: &str) -> String {
    if stderr.is_empty() {
        String::new()
    } else {
        format!(": {stderr}")
    }
}

/// What a package is to become.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct BuildOptions<'a> {
    /// The key that the connector must have.
    pub expected_key: Option<String>,
    /// Its version; otherwise that of the Cargo package, or what `plugin.json` says.
    pub version: Option<String>,
    /// The platforms that the program runs on; otherwise this one.
    pub os_arch: Vec<String>,
    /// Which program of a project with several it is.
    pub program: Option<String>,
    /// Cargo features to build with.
    pub features: Vec<String>,
    /// The profile to build with; otherwise `release`.
    pub profile: Option<String>,
    /// What signs the package; otherwise it is unsigned.
    pub sign_with: Option<&'a PrivateKey>,
}

/// Builds the Cargo project in `project` and writes the package to `out_dir`/KEY. Cargo's
/// messages for people go to standard error. Cargo is the one in `CARGO`, or on the path.
///
/// `cancelled` is asked a hundred times a second; a build that is cancelled or takes
/// longer than [`BUILD_DEADLINE`] is ended.
///
/// # Errors
///
/// [`BuildError`]; a package that was there before stays as it was.
pub fn build(
    project: &Path,
    out_dir: &Path,
    options: &BuildOptions<'_>,
    cancelled: &dyn Fn() -> bool,
) -> Result<Package, BuildError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let package = cargo_package(&cargo, project, cancelled)?;
    let mut command = Command::new(&cargo);
    command.args(["build", "--message-format=json-render-diagnostics"]);
    command.args(["--profile", options.profile.as_deref().unwrap_or("release")]);
    if let Some(program) = &options.program {
        command.args(["--bin", program]);
    }
    if !options.features.is_empty() {
        command.args(["--features", &options.features.join(",")]);
    }
    command.current_dir(project);
    let output = run(
        command,
        "cargo build",
        BUILD_DEADLINE,
        MAX_MESSAGES_BYTES,
        Stderr::Inherit,
        cancelled,
    )?;
    let program = built_program(project, &package.id, &output)?;
    let manifest = dump(&program, cancelled)?;
    let version = options.version.clone().or(Some(package.version));
    write(manifest, &program, out_dir, options, version)
}

/// The `plugin.json` that a program prints when it is asked with `--dump-manifest`. It
/// gets an environment of nothing but `PATH` and `HOME`, and [`DUMP_DEADLINE`].
///
/// # Errors
///
/// [`BuildError`] when it prints none.
pub fn dump(program: &Path, cancelled: &dyn Fn() -> bool) -> Result<Manifest, BuildError> {
    let name = program.display().to_string();
    let mut command = Command::new(program);
    command.arg("--dump-manifest").env_clear();
    for variable in ["PATH", "HOME"] {
        if let Some(value) = std::env::var_os(variable) {
            command.env(variable, value);
        }
    }
    let printed = run(
        command,
        &name,
        DUMP_DEADLINE,
        MAX_MANIFEST_BYTES,
        Stderr::Keep,
        cancelled,
    )?;
    Manifest::parse(&printed).map_err(|problem| BuildError::Manifest {
        program: name,
        problem,
    })
}

/// Makes a package from a `plugin.json` and a program in whatever language, and writes it
/// to `out_dir`/KEY. Of the `plugin.json`, schema version, digest, entry, platforms and
/// signatures are replaced, and the version where `options` has one.
///
/// # Errors
///
/// [`BuildError`]; a package that was there before stays as it was.
pub fn assemble(
    manifest: &[u8],
    program: &Path,
    out_dir: &Path,
    options: &BuildOptions<'_>,
) -> Result<Package, BuildError> {
    let manifest = Manifest::parse(manifest).map_err(|problem| BuildError::Manifest {
        program: program.display().to_string(),
        problem,
    })?;
    write(manifest, program, out_dir, options, options.version.clone())
}

fn write(
    mut manifest: Manifest,
    program: &Path,
    out_dir: &Path,
    options: &BuildOptions<'_>,
    version: Option<String>,
) -> Result<Package, BuildError> {
    let name = program.display().to_string();
    let unusable = |problem| BuildError::Manifest {
        program: name.clone(),
        problem,
    };
    let io_error = |action: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| BuildError::Io {
            action,
            path,
            source,
        }
    };
    let key = manifest.key().to_owned();
    validate_key(&key).map_err(|error| unusable(ManifestProblem::Key(error)))?;
    if let Some(expected) = options
        .expected_key
        .as_ref()
        .filter(|expected| **expected != key)
    {
        return Err(BuildError::OtherKey {
            expected: expected.clone(),
            found: key,
        });
    }
    manifest.schema_version = MANIFEST_SCHEMA_VERSION;
    if let Some(version) = version {
        manifest.version = version;
    }
    manifest.entry = program
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    manifest.os_arch = if options.os_arch.is_empty() {
        vec![platform::host()]
    } else {
        options.os_arch.clone()
    };
    fs::create_dir_all(out_dir).map_err(io_error("make", out_dir))?;
    let work = tempfile::Builder::new()
        .prefix(".build-")
        .tempdir_in(out_dir)
        .map_err(io_error("make a directory in", out_dir))?;
    let staged = work.path().join("package");
    fs::create_dir(&staged).map_err(io_error("make", &staged))?;
    // Hashed as it was copied: the file that is there now may be another one tomorrow.
    let copy = staged.join("program");
    let mut source = files::open_regular(program).map_err(io_error("read", program))?;
    let mut target = files::create_private(&copy).map_err(io_error("write", &copy))?;
    io::copy(&mut source, &mut target).map_err(io_error("copy", program))?;
    drop(target);
    files::set_mode(&copy, 0o755).map_err(io_error("write", &copy))?;
    manifest.sha256 = files::open_regular(&copy)
        .and_then(|mut copy| files::sha256(&mut copy))
        .map_err(io_error("read", &copy))?
        .0;
    manifest.signature = String::new();
    manifest.envelope_signature = None;
    manifest.check().map_err(unusable)?;
    if let Some(key) = options.sign_with {
        key.sign(&mut manifest).map_err(unusable)?;
    }
    let entry = staged.join(&manifest.entry);
    fs::rename(&copy, &entry).map_err(io_error("write", &entry))?;
    let file = staged.join(FILE_NAME);
    fs::write(&file, manifest.to_json_pretty()).map_err(io_error("write", &file))?;
    let target = out_dir.join(&key);
    // What was there goes first, and comes back if the new one cannot take its place.
    let old = work.path().join("old");
    let was_there = match fs::rename(&target, &old) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(io_error("replace", &target)(error)),
    };
    if let Err(error) = fs::rename(&staged, &target) {
        if was_there {
            let _ = fs::rename(&old, &target);
        }
        return Err(io_error("write", &target)(error));
    }
    Ok(Package::open(&target)?)
}

/// The Cargo package in a directory.
struct CargoPackage {
    id: String,
    version: String,
}

fn cargo_package(
    cargo: &std::ffi::OsStr,
    project: &Path,
    cancelled: &dyn Fn() -> bool,
) -> Result<CargoPackage, BuildError> {
    let unclear = |reason: String| BuildError::Cargo {
        project: project.to_owned(),
        reason,
    };
    let mut command = Command::new(cargo);
    command
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(project);
    let printed = run(
        command,
        "cargo metadata",
        DUMP_DEADLINE,
        MAX_MESSAGES_BYTES,
        Stderr::Keep,
        cancelled,
    )?;
    let metadata: Value =
        serde_json::from_slice(&printed).map_err(|error| unclear(error.to_string()))?;
    let here = fs::canonicalize(project.join("Cargo.toml"))
        .map_err(|error| unclear(format!("there is no Cargo.toml: {error}")))?;
    let packages = metadata["packages"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let package = packages.iter().find(|package| {
        let file = package["manifest_path"].as_str().map(Path::new);
        file.and_then(|file| fs::canonicalize(file).ok()).as_deref() == Some(&*here)
    });
    let package = package.ok_or_else(|| unclear("its Cargo.toml is of no package".to_owned()))?;
    let text = |name: &str| {
        let value = package[name].as_str().map(str::to_owned);
        value.ok_or_else(|| unclear(format!("its {name} is missing")))
    };
    Ok(CargoPackage {
        id: text("id")?,
        version: text("version")?,
    })
}

/// The one program of the package `id` that Cargo says it has built.
fn built_program(project: &Path, id: &str, messages: &[u8]) -> Result<PathBuf, BuildError> {
    let mut programs = Vec::new();
    for line in messages.split(|byte| *byte == b'\n') {
        // What a build script prints among the messages is not ours.
        let Ok(message) = serde_json::from_slice::<Value>(line) else {
            continue;
        };
        let is_program = message["reason"] == "compiler-artifact"
            && message["package_id"] == id
            && message["target"]["kind"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind == "bin"));
        if let (true, Some(program)) = (is_program, message["executable"].as_str()) {
            programs.push(PathBuf::from(program));
        }
    }
    match programs.as_slice() {
        [program] => Ok(program.clone()),
        _ => Err(BuildError::Programs {
            project: project.to_owned(),
            programs: programs
                .iter()
                .filter_map(|program| program.file_name())
                .map(|name| name.to_string_lossy().into_owned())
                .collect(),
        }),
    }
}

fn run(
    command: Command,
    program: &str,
    deadline: Duration,
    limit: usize,
    stderr: Stderr,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<u8>, BuildError> {
    let program = program.to_owned();
    match process::run(command, deadline, limit, stderr, cancelled) {
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(output) => Err(BuildError::Failed {
            program,
            status: output.status,
            stderr: output.stderr,
        }),
        Err(Failure::Start(source)) => Err(BuildError::Start { program, source }),
        Err(Failure::TimedOut) => Err(BuildError::TimedOut { program, deadline }),
        Err(Failure::TooMuch) => Err(BuildError::TooMuchOutput { program, limit }),
        Err(Failure::Cancelled) => Err(BuildError::Cancelled),
    }
}
