//! What is verified is what is executed, whatever happens to the file meanwhile.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use outboard_go_plugin::{
    host::{
        Checksum, ChecksumAlgorithm, PluginProcess, PluginSpec, RunFrom, StartError,
        StartErrorKind, StartStep, VerificationError,
    },
    reattach::ReattachConfig,
    transport::Address,
};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::support::{Host, example, exists, handshake, wait_for};

fn checksum(program: &Path) -> Checksum {
    Checksum::of_file(ChecksumAlgorithm::Sha256, program).unwrap()
}

fn make_executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The fixture in a directory of its own, where a test may do to it what it
/// likes.
fn installed() -> (TempDir, PathBuf, PluginSpec) {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("installed-plugin");
    fs::copy(example("fixture_plugin"), &program).unwrap();
    let spec = PluginSpec::new("installed", &program, handshake())
        .start_timeout(Duration::from_secs(20))
        .checksum(checksum(&program));
    (directory, program, spec)
}

/// A program that tells its findings on standard error and is no plugin.
fn said(error: &StartError) -> String {
    assert_eq!(error.step(), StartStep::Handshake, "{error}");
    error.last_lines().join("\n")
}

fn executed(plugin: &PluginProcess) -> PathBuf {
    fs::read_link(format!("/proc/{}/exe", plugin.pid())).unwrap()
}

fn verification(error: &StartError) -> &VerificationError {
    match error.kind() {
        StartErrorKind::Verification(error) => error,
        other => panic!("{other:?}"),
    }
}

const EVIL: &str = "#!/bin/sh\necho evil >&2\nexit 66\n";

#[tokio::test]
async fn a_file_that_is_swapped_between_check_and_start_changes_nothing() {
    for run_from in [RunFrom::PrivateCopy, RunFrom::Memory] {
        let (directory, program, spec) = installed();
        let spec = spec.run_from(run_from);
        spec.verify().await.unwrap();
        let other = directory.path().join("other");
        fs::write(&other, EVIL).unwrap();
        make_executable(&other);
        fs::rename(&other, &program).unwrap();

        let plugin = spec.start().await.unwrap();
        plugin.ping().await.unwrap();
        let running = fs::read(format!("/proc/{}/exe", plugin.pid())).unwrap();
        assert!(running == fs::read(example("fixture_plugin")).unwrap());
        plugin.stop().await;
    }
}

#[tokio::test]
async fn an_edit_in_place_between_check_and_start_changes_nothing() {
    for run_from in [RunFrom::PrivateCopy, RunFrom::Memory] {
        let (_directory, program, spec) = installed();
        let spec = spec.run_from(run_from);
        spec.verify().await.unwrap();
        fs::write(&program, EVIL).unwrap();
        let plugin = spec.start().await.unwrap();
        plugin.ping().await.unwrap();
        plugin.stop().await;
    }
}

#[tokio::test]
async fn restarts_run_the_verified_bytes_also_when_the_file_is_gone() {
    let (_directory, program, spec) = installed();
    let first = spec.start().await.unwrap();
    let copy = executed(&first);
    fs::remove_file(&program).unwrap();
    first.stop().await;
    let again = spec.clone().start().await.unwrap();
    assert_eq!(executed(&again), copy);
    again.stop().await;
    let error = spec.checksum(Checksum::sha256([1; 32])).start().await;
    assert!(
        matches!(error.unwrap_err().kind(), StartErrorKind::NotFound(path) if *path == program)
    );
}

#[tokio::test]
async fn the_copy_lives_as_long_as_anybody_uses_it_and_not_longer() {
    let (_directory, _program, spec) = installed();
    let clone = spec.clone();
    let plugin = spec.start().await.unwrap();
    let copy = executed(&plugin);
    let root = copy.parent().unwrap().parent().unwrap().to_owned();
    assert!(root.to_string_lossy().contains("outboard-verified-"));
    drop(spec);
    drop(clone);
    assert!(copy.exists(), "its process runs it");
    let pid = plugin.pid();
    plugin.stop().await;
    assert!(!exists(pid));
    wait_for("the copy to go", || !root.exists()).await;

    // Nor does a dropped handle leave it.
    let (_directory, _program, spec) = installed();
    let plugin = spec.start().await.unwrap();
    let root = executed(&plugin).parent().unwrap().to_owned();
    drop((spec, plugin));
    wait_for("the copy to go", || !root.exists()).await;
}

#[tokio::test]
async fn a_killed_host_leaves_no_copy() {
    let mut host = Host::start(&["verified"], &[]);
    let copy = fs::read_link(format!("/proc/{}/exe", host.plugin_pid())).unwrap();
    let root = copy.parent().unwrap().parent().unwrap();
    assert!(root.to_string_lossy().contains("outboard-verified-"));
    assert!(root.exists());
    host.kill();
    wait_for("the copy to go", || !root.exists()).await;
}

#[tokio::test]
async fn a_checksum_without_a_program_to_compare_it_with_is_refused() {
    let address = Address::Unix("/no/such/socket".into());
    let spec = PluginSpec::new("running", ReattachConfig::new(address), handshake())
        .checksum(Checksum::sha256([0; 32]));
    for error in [
        spec.verify().await.unwrap_err(),
        spec.start().await.unwrap_err(),
    ] {
        assert!(
            matches!(verification(&error), VerificationError::NoProgram(_)),
            "{error:?}"
        );
        assert_eq!(error.step(), StartStep::Prepare);
    }
}

#[tokio::test]
async fn another_checksum_is_refused_with_both_and_nothing_is_executed() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("script");
    let mark = directory.path().join("it-ran");
    fs::write(&program, format!("#!/bin/sh\ntouch {}\n", mark.display())).unwrap();
    make_executable(&program);
    let wrong = Checksum::sha384([9; 48]);
    let spec = PluginSpec::new("suspect", &program, handshake()).checksum(wrong.clone());
    let error = spec.start().await.unwrap_err();
    assert_eq!(error.step(), StartStep::Verify);
    let right = Checksum::of_file(ChecksumAlgorithm::Sha384, &program).unwrap();
    assert!(
        matches!(verification(&error), VerificationError::Mismatch { expected, actual, .. }
            if *expected == wrong && *actual == right),
        "{error:?}"
    );
    for part in [
        "suspect".to_owned(),
        program.display().to_string(),
        wrong.to_string(),
        right.to_string(),
        error.hint().to_owned(),
    ] {
        assert!(error.to_string().contains(&part), "{error} lacks {part}");
    }
    assert!(!mark.exists());
    // The description is as good as before once the file is the right one.
    let again = spec.checksum(right).start().await.unwrap_err();
    assert_eq!(again.step(), StartStep::Handshake);
    assert!(mark.exists());
}

#[tokio::test]
async fn a_copy_that_was_cleaned_away_or_edited_is_made_again_from_the_file() {
    let (_directory, program, spec) = installed();
    let plugin = spec.start().await.unwrap();
    let copy = executed(&plugin);
    plugin.stop().await;
    // As a service that cleans directories for temporary files does.
    fs::remove_dir_all(copy.parent().unwrap().parent().unwrap()).unwrap();
    let plugin = spec.start().await.unwrap();
    let second = executed(&plugin);
    assert_ne!(second, copy);
    plugin.stop().await;

    make_executable(&second);
    fs::write(&second, EVIL).unwrap();
    let plugin = spec.start().await.unwrap();
    assert_ne!(executed(&plugin), second);
    let third = executed(&plugin);
    plugin.stop().await;

    // If neither is what was verified, nothing starts.
    make_executable(&third);
    fs::write(&third, EVIL).unwrap();
    fs::write(&program, EVIL).unwrap();
    let error = spec.start().await.unwrap_err();
    assert!(matches!(
        verification(&error),
        VerificationError::Mismatch { .. }
    ));
}

#[tokio::test]
async fn a_program_that_looks_for_its_own_executable_finds_the_verified_bytes() {
    let (_directory, program, spec) = installed();
    let length = fs::metadata(&program).unwrap().len();
    let spec = spec.args(["own-executable"]);
    let lines = |plugin: &PluginProcess| -> Vec<String> {
        let lines = plugin.log().recent();
        lines.into_iter().map(|line| line.message).collect()
    };

    let plugin = spec.start().await.unwrap();
    let copy = executed(&plugin);
    plugin.stop().await;
    let found = lines(&plugin);
    for line in [
        format!("executable {}", copy.display()),
        format!("started as {}", copy.display()),
        format!("length Ok({length}) or Ok({length})"),
    ] {
        assert!(found.contains(&line), "{found:?} lacks {line}");
    }
    assert_eq!(copy.file_name(), program.file_name());

    // In memory it has no path, as its documentation says.
    let plugin = spec.run_from(RunFrom::Memory).start().await.unwrap();
    assert!(executed(&plugin).to_string_lossy().starts_with("/memfd:"));
    plugin.stop().await;
    let found = lines(&plugin);
    let started_as = format!("started as {}", program.display());
    assert!(found.contains(&started_as), "{found:?}");
    let direct = format!("or Ok({length})");
    assert!(
        found.iter().any(|line| line.ends_with(&direct)),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_script_runs_with_what_lies_beside_it_also_through_a_link() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("script");
    let body = "#!/bin/sh\ncat \"$(dirname \"$0\")/words\" >&2\necho \"$1\" >&2\nexit 5\n";
    fs::write(&program, body).unwrap();
    make_executable(&program);
    fs::write(directory.path().join("words"), "words beside it\n").unwrap();
    let links = tempfile::tempdir().unwrap();
    let link = links.path().join("linked");
    symlink(&program, &link).unwrap();
    for path in [&program, &link] {
        let spec = PluginSpec::new("script", path, handshake())
            .checksum(checksum(&program))
            .args(["an argument"]);
        let error = spec.start().await.unwrap_err();
        assert_eq!(said(&error), "words beside it\nan argument");
    }

    let spec = PluginSpec::new("script", &program, handshake())
        .checksum(checksum(&program))
        .run_from(RunFrom::Memory);
    let error = spec.start().await.unwrap_err();
    assert!(
        matches!(verification(&error), VerificationError::Script(path) if *path == program),
        "{error:?}"
    );
}

fn compile(directory: &Path, arguments: &[&str]) {
    let status = Command::new("cc")
        .args(arguments)
        .current_dir(directory)
        .status();
    assert!(status.expect("a C compiler").success());
}

#[tokio::test]
async fn a_program_finds_its_libraries_beside_it_and_in_lib_above() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for part in ["bin", "lib"] {
        fs::create_dir(at(part)).unwrap();
    }
    fs::write(at("one.c"), "int one(void) { return 40; }").unwrap();
    fs::write(at("two.c"), "int two(void) { return 2; }").unwrap();
    let main = "#include <stdio.h>\nint one(void); int two(void);\n\
        int main(void) { fprintf(stderr, \"sum %d\\n\", one() + two()); return 4; }";
    fs::write(at("main.c"), main).unwrap();
    let here = directory.path();
    compile(here, &["-shared", "-fPIC", "-o", "bin/libone.so", "one.c"]);
    compile(here, &["-shared", "-fPIC", "-o", "lib/libtwo.so", "two.c"]);
    compile(
        here,
        &[
            "-o",
            "bin/program",
            "main.c",
            "-Lbin",
            "-lone",
            "-Llib",
            "-ltwo",
            "-Wl,-rpath,$ORIGIN:$ORIGIN/../lib",
        ],
    );
    let program = at("bin/program");
    let spec = PluginSpec::new("linked", &program, handshake()).checksum(checksum(&program));
    let error = spec.start().await.unwrap_err();
    assert_eq!(said(&error), "sum 42", "{error}");
}

#[tokio::test]
async fn starts_at_the_same_time_share_one_copy() {
    let (_directory, _program, spec) = installed();
    let starts = (0..6).map(|_| {
        let spec = spec.clone();
        tokio::spawn(async move { spec.start().await.unwrap() })
    });
    let mut copies = Vec::new();
    let mut plugins = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        let plugin = start.await.unwrap();
        copies.push(executed(&plugin));
        plugins.push(plugin);
    }
    copies.dedup();
    assert_eq!(copies.len(), 1, "{copies:?}");
    for plugin in plugins {
        plugin.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forks_at_the_same_time_do_not_make_the_copy_busy() {
    // A fork while the copy is written keeps it open for writing until its exec.
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let forks = std::thread::spawn({
        let stop = stop.clone();
        move || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                assert!(Command::new("true").status().unwrap().success());
            }
        }
    });
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("script");
    fs::write(&program, "#!/bin/sh\nexit 8\n").unwrap();
    make_executable(&program);
    let spec = PluginSpec::new("script", &program, handshake());
    for _ in 0..50 {
        // Setting the checksum anew has it copied anew.
        let spec = spec.clone().checksum(checksum(&program));
        let error = spec.start().await.unwrap_err();
        assert_eq!(error.step(), StartStep::Handshake, "{error}");
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    forks.join().unwrap();
}

#[tokio::test]
async fn a_large_program_runs_and_one_without_end_is_refused_or_cut_off() {
    let (_directory, program, _) = installed();
    // What is appended to an ELF program does not change what it does.
    let file = fs::File::options().write(true).open(&program).unwrap();
    file.set_len(256 * 1024 * 1024).unwrap();
    let spec = PluginSpec::new("large", &program, handshake()).checksum(checksum(&program));
    let plugin = spec.start().await.unwrap();
    assert_eq!(
        fs::metadata(executed(&plugin)).unwrap().len(),
        256 * 1024 * 1024
    );
    plugin.stop().await;

    file.set_len(4 * 1024 * 1024 * 1024).unwrap();
    let wrong = Checksum::sha256([0; 32]);
    let spec = PluginSpec::new("larger", &program, handshake()).checksum(wrong);
    let timeout = Duration::from_millis(100);
    let before = Instant::now();
    let error = spec.clone().start_timeout(timeout).start().await;
    let error = error.unwrap_err();
    assert!(before.elapsed() < Duration::from_secs(5));
    assert!(
        matches!(error.kind(), StartErrorKind::Timeout(_)),
        "{error:?}"
    );
    assert_eq!(error.step(), StartStep::Verify);

    file.set_len(4 * 1024 * 1024 * 1024 + 1).unwrap();
    for run_from in [RunFrom::PrivateCopy, RunFrom::Memory] {
        let error = spec.clone().run_from(run_from).start().await.unwrap_err();
        assert!(
            matches!(verification(&error), VerificationError::TooLarge { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn a_program_that_may_be_executed_but_not_read_is_refused() {
    // Root reads everything, so this thread gives that right up; those that it
    // starts inherit that.
    let test = std::thread::spawn(|| {
        use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
        let mut sets = capabilities(None).unwrap();
        sets.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
        set_capabilities(None, sets).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (_directory, program, spec) = installed();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o111)).unwrap();
            let error = spec.start().await.unwrap_err();
            assert_eq!(error.step(), StartStep::Verify);
            let VerificationError::Unreadable { error: cause, .. } = verification(&error) else {
                panic!("{error:?}")
            };
            assert_eq!(cause.kind(), std::io::ErrorKind::PermissionDenied);
            assert!(error.to_string().contains(&*program.to_string_lossy()));
        });
    });
    test.join().unwrap();
}

#[tokio::test]
async fn a_directory_has_no_checksum() {
    let directory = tempfile::tempdir().unwrap();
    let spec = PluginSpec::new("directory", directory.path(), handshake())
        .checksum(Checksum::sha512([0; 64]));
    let error = spec.start().await.unwrap_err();
    assert!(
        matches!(error.kind(), StartErrorKind::NotAFile(_)),
        "{error:?}"
    );
    assert_eq!(error.step(), StartStep::Prepare);
}
