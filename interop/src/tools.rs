//! Where Go and Python are, and what is built with them.
//!
//! A test that needs one of them and does not find it says so by name and ends;
//! with `OUTBOARD_INTEROP=require` it fails instead.

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The matrix's commands with other versions of what they stand on: a module file beside
/// `go.mod`, and its build tag. They are in a directory of that name.
const OTHER_VERSIONS: &[(&str, &str)] = &[
    ("go-plugin-1.4.3", "goplugin_1_4_3"),
    ("go-plugin-1.8.0-selected", ""),
];

/// Built commands of the Go module in `interop/go`.
#[derive(Debug, Clone)]
pub struct GoCommands {
    directory: PathBuf,
}

impl GoCommands {
    /// The program of a command, such as `go-host`.
    pub fn path(&self, command: &str) -> PathBuf {
        self.directory.join(command)
    }

    /// A command built as its author would ship it, without symbols.
    ///
    /// # Errors
    ///
    /// When it does not compile.
    pub fn stripped(&self, command: &str) -> Result<PathBuf, String> {
        let program = self.directory.join(format!("{command}-stripped"));
        let built = Command::new("go")
            .args([
                "build",
                "-trimpath",
                "-buildvcs=false",
                "-ldflags=-s -w",
                "-o",
            ])
            .arg(&program)
            .arg(format!("./cmd/{command}"))
            .current_dir(repository().join("interop/go"))
            .output()
            .map_err(|error| format!("cannot run go: {error}"))?;
        match built.status.success() {
            true => Ok(program),
            false => Err(String::from_utf8_lossy(&built.stderr).into_owned()),
        }
    }
}

/// A Python that has `grpcio` and `protobuf`.
#[derive(Debug, Clone)]
pub struct Python {
    /// The interpreter itself.
    pub program: PathBuf,
    /// The value of `PATH` with which `python3` is that Python.
    pub path: std::ffi::OsString,
}

/// The Go commands, built once per process; `None` after saying that the running
/// test is skipped.
///
/// # Panics
///
/// When the Go code does not compile, or Go is missing and required.
pub fn go() -> Option<GoCommands> {
    static BUILT: OnceLock<Result<GoCommands, String>> = OnceLock::new();
    found("go", BUILT.get_or_init(build_go))
}

/// A usable Python; `None` after saying that the running test is skipped. It is
/// the one in `OUTBOARD_PYTHON`, or `python3` on the `PATH`.
///
/// # Panics
///
/// When it is missing and required.
pub fn python() -> Option<Python> {
    static FOUND: OnceLock<Result<Python, String>> = OnceLock::new();
    found(
        "python3 with grpcio and protobuf",
        FOUND.get_or_init(find_python),
    )
}

/// Says that the running test is skipped unless there is an `openssl`, with which the
/// matrix's plugin in Python makes its certificate.
///
/// # Panics
///
/// When it is missing and required.
pub fn openssl() -> Option<()> {
    let version = Command::new("openssl").arg("version").output();
    let found_it = version.map(|_| ()).map_err(|error| error.to_string());
    found("openssl", &found_it)
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Where cargo builds.
pub fn target_directory() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from)
}

pub(crate) fn found<T: Clone>(needed: &str, result: &Result<T, String>) -> Option<T> {
    match result {
        Ok(tool) => Some(tool.clone()),
        Err(reason) => {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("a test");
            let required = env::var("OUTBOARD_INTEROP").is_ok_and(|value| value == "require");
            assert!(
                !required,
                "{test} needs {needed}, and OUTBOARD_INTEROP=require: {reason}"
            );
            // Past the test runner, which keeps what passing tests print.
            let mut stderr = std::io::stderr();
            let _ = writeln!(stderr, "skipped: {test} needs {needed}: {reason}");
            None
        }
    }
}

/// Downloads the modules and compiles. What cannot be had is a reason to skip,
/// what does not compile is a failure.
fn build_go() -> Result<GoCommands, String> {
    let module = repository().join("interop/go");
    let directory = target_directory().join("interop");
    let io = |error: std::io::Error| format!("{}: {error}", directory.display());
    fs::create_dir_all(&directory).map_err(io)?;
    // Test programs and benchmarks may come here at the same time.
    let lock = fs::File::create(directory.join(".lock")).map_err(io)?;
    lock.lock().map_err(io)?;

    build_go_with(&module, "go.mod", "", &["./cmd/..."], &directory)?;
    for (name, tag) in OTHER_VERSIONS {
        let commands = ["./cmd/matrix-host", "./cmd/matrix-plugin"];
        let out = directory.join(name);
        build_go_with(&module, &format!("{name}.mod"), tag, &commands, &out)?;
    }
    Ok(GoCommands { directory })
}

fn build_go_with(
    module: &Path,
    modfile: &str,
    tag: &str,
    commands: &[&str],
    out: &Path,
) -> Result<(), String> {
    let go = |arguments: &[&str]| {
        let mut command = Command::new("go");
        command.args(arguments).current_dir(module);
        command.arg(format!("-modfile={modfile}"));
        command
    };
    let download = go(&["mod", "download"]).output();
    let download = download.map_err(|error| format!("cannot run go: {error}"))?;
    if !download.status.success() {
        let said = String::from_utf8_lossy(&download.stderr).trim().to_owned();
        return Err(format!("its modules cannot be had: {said}"));
    }
    fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let build = go(&["build", "-trimpath", "-buildvcs=false"])
        .arg(format!("-tags={tag}"))
        .arg("-o")
        .arg(out)
        .args(commands)
        .output()
        .map_err(|error| format!("cannot run go: {error}"))?;
    let said = String::from_utf8_lossy(&build.stderr);
    assert!(
        build.status.success(),
        "interop/go does not compile with {modfile}:\n{said}"
    );
    Ok(())
}

fn find_python() -> Result<Python, String> {
    let program = env::var_os("OUTBOARD_PYTHON").unwrap_or_else(|| "python3".into());
    let shown = program.to_string_lossy().into_owned();
    let check = Command::new(&program)
        .args([
            "-c",
            "import grpc, google.protobuf, sys; print(sys.executable)",
        ])
        .output()
        .map_err(|error| format!("cannot run {shown}: {error}"))?;
    if !check.status.success() {
        let said = String::from_utf8_lossy(&check.stderr);
        let last = said.lines().last().unwrap_or_default();
        return Err(format!(
            "{shown}: {last}; run `{shown} -m pip install -r examples/python-plugin/requirements.txt`"
        ));
    }
    // The plugin's first line looks python3 up on the PATH.
    let executable = PathBuf::from(String::from_utf8_lossy(&check.stdout).trim());
    let program = executable.clone();
    let own = executable.parent().ok_or("it has no directory")?.to_owned();
    let rest = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([own].into_iter().chain(env::split_paths(&rest)))
        .map_err(|error| error.to_string())?;
    Ok(Python { program, path })
}
