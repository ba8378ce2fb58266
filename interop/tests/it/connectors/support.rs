//! What several tests of connectors need.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use outboard_contracts::connector::{Manifest, manifest};
use outboard_interop::{
    cases::{Case, List, Seen, judge},
    tools::GoCommands,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A directory with a `plugin.json` and its program, as both hosts read it.
pub(crate) struct Package {
    directory: TempDir,
}

impl Package {
    /// Packs a program as its own `--dump-manifest` describes it, signed with the key in a
    /// file if there is one.
    pub(crate) fn of(program: &Path, key_file: Option<&Path>) -> Package {
        let directory = tempfile::tempdir().unwrap();
        // By another process: while this one writes it, every child that another test
        // starts has it open too, and a program that is open for writing does not run.
        let copied = Command::new("cp")
            .arg(program)
            .arg(directory.path())
            .status();
        assert!(copied.unwrap().success());
        let package = Package { directory };
        let mut dump = Command::new(package.path().join(program.file_name().unwrap()));
        dump.arg("--dump-manifest");
        if let Some(file) = key_file {
            dump.arg("--sign-key").arg(file);
        }
        let dumped = dump.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&dumped.stderr);
        assert!(dumped.status.success(), "{said}");
        fs::write(package.manifest_file(), dumped.stdout).unwrap();
        package
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn manifest_file(&self) -> PathBuf {
        self.path().join(manifest::FILE_NAME)
    }

    pub(crate) fn manifest(&self) -> Manifest {
        Manifest::parse(&fs::read(self.manifest_file()).unwrap()).unwrap()
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.path().join(self.manifest().entry)
    }

    /// Changes the file as one would with an editor.
    pub(crate) fn edit(&self, change: impl FnOnce(&mut Value)) {
        let text = fs::read(self.manifest_file()).unwrap();
        let mut value = serde_json::from_slice(&text).unwrap();
        change(&mut value);
        fs::write(self.manifest_file(), value.to_string()).unwrap();
    }
}

/// How the Go host is told whom it trusts.
#[derive(Clone, Copy, Default)]
pub(crate) struct GoTrust<'a> {
    pub(crate) public_key: &'a str,
    pub(crate) required: bool,
}

impl GoTrust<'_> {
    pub(crate) fn host(self, go: &GoCommands) -> Command {
        let mut command = Command::new(go.path("go-connector-host"));
        command.env("WICK_PLUGIN_PUBKEY", self.public_key).env(
            "WICK_PLUGIN_REQUIRE_SIGNATURE",
            match self.required {
                true => "1",
                false => "0",
            },
        );
        command
    }

    /// What the Go host says of a package: nothing if it accepts it, else the name of the
    /// check that refused it.
    pub(crate) fn verdict(self, go: &GoCommands, package: &Path) -> String {
        let output = self.host(go).arg("-verify").arg(package).output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let refused = answer["refused"].as_str().unwrap_or_default();
        let code = if refused.is_empty() { 0 } else { 4 };
        assert_eq!(output.status.code(), Some(code), "{answer}");
        refused.to_owned()
    }
}

/// Lets a Go host verify a package, start it and make these calls.
pub(crate) fn go_host_output(mut host: Command, package: &Path, cases: &[Case]) -> Output {
    // go-plugin's sockets go to the temporary directory.
    let temporary = tempfile::tempdir().unwrap();
    let mut child = host
        .args(["-cases", "-"])
        .arg(package)
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let calls: Vec<Value> = cases.iter().map(Case::to_host).collect();
    let mut stdin = child.stdin.take().unwrap();
    // A host that refuses the package has no use for the calls.
    let _ = stdin.write_all(json!({ "cases": calls }).to_string().as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    // A Go host kills what it refuses, with the files that it has.
    if output.status.success() {
        let left: Vec<_> = temporary.path().read_dir().unwrap().collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
    output
}

/// The Go host runs a list against a package; all must be as the list says.
pub(crate) fn the_go_host_runs(list: List, host: Command, package: &Package) {
    let cases = list.cases();
    let output = go_host_output(host, package.path(), &cases);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    let seen: Vec<Seen> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(judge(&cases, &seen), [""; 0]);
}
