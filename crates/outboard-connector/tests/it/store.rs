//! Installing, going back and removing, and what is refused.

use std::{
    fs,
    time::{Duration, Instant},
};

use outboard_connector::{
    package::{Origin, Package, PackageError, VerifyProblem, pack},
    store::{InstallRequest, Store, StoreError},
    trust::{SignaturePolicy, Trust},
};
use outboard_contracts::connector::{manifest::ManifestProblem, signing::PrivateKey};

use crate::packages::{self, Place, assert_whole, request};

#[test]
fn versions_lie_side_by_side_and_two_old_ones_are_kept() {
    let place = Place::new();
    for version in ["1.0.0", "1.1.0", "1.2.0", "2.0.0"] {
        place.install("echo", version).unwrap();
        assert_whole(&place.store, "echo", version);
    }
    let versions = place.store.versions("echo").unwrap();
    let listed: Vec<_> = versions
        .iter()
        .map(|version| {
            (
                version.version.as_str(),
                version.current,
                version.next_rollback,
            )
        })
        .collect();
    assert_eq!(
        listed,
        [
            ("2.0.0", true, false),
            ("1.2.0", false, true),
            ("1.1.0", false, false)
        ]
    );
    assert!(!place.path("connectors/echo/versions/1.0.0").exists());
    // Another opening of the same directories sees the same.
    let other = Store::open(&place.path("connectors"), &place.path("outboard.lock")).unwrap();
    assert_whole(&other, "echo", "2.0.0");
}

#[test]
fn a_rollback_goes_back_version_by_version_and_a_version_that_is_here_can_be_chosen() {
    let place = Place::new();
    let trust = Trust::new();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        place.install("echo", version).unwrap();
    }
    for version in ["1.1.0", "1.0.0"] {
        assert_eq!(
            place.store.rollback("echo", &trust).unwrap().version,
            version
        );
        assert_whole(&place.store, "echo", version);
    }
    let error = place.store.rollback("echo", &trust).unwrap_err();
    assert!(matches!(error, StoreError::NoEarlierVersion { .. }));
    place.store.use_version("echo", "1.2.0", &trust).unwrap();
    assert_whole(&place.store, "echo", "1.2.0");
    assert_eq!(
        place.store.rollback("echo", &trust).unwrap().version,
        "1.0.0"
    );
    let error = place
        .store
        .use_version("echo", "9.0.0", &trust)
        .unwrap_err();
    assert!(matches!(error, StoreError::NoSuchVersion { .. }));
}

#[test]
fn a_rollback_to_what_is_revoked_or_damaged_is_refused_and_changes_nothing() {
    let place = Place::new();
    place.install("echo", "1.0.0").unwrap();
    place.install("echo", "1.1.0").unwrap();
    let before = place.snapshot();
    let mut trust = Trust::new();
    trust
        .revoke(&packages::sha256(&packages::program("echo", "1.0.0")))
        .unwrap();
    let error = place.store.rollback("echo", &trust).unwrap_err();
    assert!(error.is_policy(), "{error}");
    assert_eq!(place.snapshot(), before);
    fs::write(
        place.path("connectors/echo/versions/1.0.0/echo"),
        "tampered",
    )
    .unwrap();
    let error = place.store.rollback("echo", &Trust::new()).unwrap_err();
    assert!(matches!(
        error,
        StoreError::Verify(error) if matches!(error.problem, VerifyProblem::Digest { .. })
    ));
    assert_whole(&place.store, "echo", "1.1.0");
}

#[test]
fn an_older_version_is_refused_unless_asked_for() {
    let place = Place::new();
    place.install("echo", "1.1.0").unwrap();
    let before = place.snapshot();
    for version in ["1.0.9", "1.1.0-rc.1"] {
        let error = place.install("echo", version).unwrap_err();
        assert!(matches!(&error, StoreError::Downgrade { .. }), "{error}");
        assert!(error.is_policy());
    }
    assert_eq!(place.snapshot(), before);
    let mut asked = request();
    asked.allow_downgrade = true;
    let package = place.package("echo", "1.0.9");
    place.store.install(&package, &asked, &|_| {}).unwrap();
    assert_whole(&place.store, "echo", "1.0.9");
}

#[test]
fn a_package_other_than_the_one_that_was_asked_for_is_refused() {
    let place = Place::new();
    let package = place.package("echo", "1.0.0");
    let sha256 = packages::sha256(&packages::program("echo", "1.0.0"));
    let before = place.snapshot();
    let changed = |change: fn(&mut InstallRequest)| {
        let mut request = request();
        change(&mut request);
        let error = place
            .store
            .install(&package, &request, &|_| {})
            .unwrap_err();
        assert!(error.is_policy(), "{error}");
        assert_eq!(place.snapshot(), before);
        error
    };
    assert!(matches!(
        changed(|request| request.expected_key = Some("slack".to_owned())),
        StoreError::OtherKey { .. }
    ));
    assert!(matches!(
        changed(|request| request.expected_version = Some("1.0.1".to_owned())),
        StoreError::OtherVersion { .. }
    ));
    assert!(matches!(
        changed(|request| request.expected_program_sha256 = Some("ab".repeat(32))),
        StoreError::OtherDigest {
            what: "program",
            ..
        }
    ));
    assert!(matches!(
        changed(|request| request.expected_archive_sha256 = Some("ab".repeat(32))),
        StoreError::OtherDigest {
            what: "archive",
            ..
        }
    ));
    let mut request = request();
    request.expected_key = Some("echo".to_owned());
    request.expected_version = Some("v1.0.0".to_owned());
    request.expected_program_sha256 = Some(sha256.to_uppercase());
    place.store.install(&package, &request, &|_| {}).unwrap();

    // Pinned: the same version with other bytes is not what the lock file says.
    let program = b"other bytes".to_vec();
    let directory = place.path("packages/other");
    packages::write(
        &directory,
        &packages::manifest("echo", "1.0.0", &program),
        &program,
    );
    request.expected_program_sha256 = None;
    request.locked = true;
    let other = Package::open(&directory).unwrap();
    let error = place.store.install(&other, &request, &|_| {}).unwrap_err();
    assert!(matches!(error, StoreError::OtherDigest { .. }), "{error}");
}

#[test]
fn the_same_package_once_more_changes_nothing_and_other_bytes_replace_it_whole() {
    let place = Place::new();
    place.install("echo", "1.0.0").unwrap();
    let before = place.snapshot();
    place.install("echo", "1.0.0").unwrap();
    assert_eq!(place.snapshot(), before);

    // A library comes, the program changes, the version stays.
    let directory = place.path("packages/changed");
    let program = b"changed".to_vec();
    packages::write(
        &directory,
        &packages::manifest("echo", "1.0.0", &program),
        &program,
    );
    fs::create_dir(directory.join("lib")).unwrap();
    fs::write(directory.join("lib/libecho.so"), "library").unwrap();
    let package = Package::open(&directory).unwrap();
    let installed = place.store.install(&package, &request(), &|_| {}).unwrap();
    assert_eq!(fs::read(&installed.program).unwrap(), program);
    assert!(installed.directory.join("lib/libecho.so").exists());
    let versions = place.store.versions("echo").unwrap();
    let directories: Vec<_> = versions
        .iter()
        .map(|version| version.directory.as_str())
        .collect();
    assert_eq!(directories, ["1.0.0~2", "1.0.0"]);
    // What was delivered first can be had back, byte for byte.
    place.store.rollback("echo", &Trust::new()).unwrap();
    assert_whole(&place.store, "echo", "1.0.0");
}

#[test]
fn the_originals_flat_layout_is_read_and_becomes_a_version_when_a_newer_one_comes() {
    let place = Place::new();
    let program = packages::program("echo", "0.9.0");
    let home = place.path("connectors/echo");
    packages::write(
        &home,
        &packages::manifest("echo", "0.9.0", &program),
        &program,
    );
    fs::write(home.join("echo.sig"), "sidecar").unwrap();
    let flat = place.store.get("echo").unwrap();
    assert!(flat.flat);
    assert_eq!(
        (flat.version.as_str(), flat.program.clone()),
        ("0.9.0", home.join("echo"))
    );
    place.store.verify("echo", &Trust::new()).unwrap();
    let open = fs::File::open(&flat.program).unwrap();

    place.install("echo", "1.0.0").unwrap();
    assert_whole(&place.store, "echo", "1.0.0");
    let mut names: Vec<_> = fs::read_dir(&home)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["current", "versions"]);
    assert_eq!(std::io::read_to_string(open).unwrap().as_bytes(), program);
    place.store.rollback("echo", &Trust::new()).unwrap();
    assert_whole(&place.store, "echo", "0.9.0");
    assert!(
        home.join("versions/0.9.0/echo.sig").exists(),
        "it is kept as a unit"
    );
}

#[test]
fn a_broken_directory_is_listed_with_its_reason_and_can_be_replaced_and_removed() {
    let place = Place::new();
    place.install("echo", "1.0.0").unwrap();
    let connectors = place.path("connectors");
    let program = packages::program("x", "1");
    let broken = |name: &str, change: fn(&mut outboard_contracts::connector::Manifest)| {
        let mut manifest = packages::manifest(name, "1.0.0", &program);
        change(&mut manifest);
        fs::create_dir(connectors.join(name)).unwrap();
        fs::write(connectors.join(name).join(name), &program).unwrap();
        packages::executable(&connectors.join(name).join(name));
        fs::write(
            connectors.join(name).join("plugin.json"),
            manifest.to_json(),
        )
        .unwrap();
    };
    broken("duplicate", |manifest| {
        let again = manifest.module.operations[0].clone();
        manifest.module.operations.push(again);
    });
    broken("entry", |manifest| {
        manifest.entry = "../echo/echo".to_owned()
    });
    broken("kind", |manifest| {
        manifest.kind_word = "conector".to_owned()
    });
    broken("other", |manifest| {
        manifest.module.meta.key = "echo".to_owned()
    });
    broken("schema", |manifest| manifest.schema_version = 2);
    broken("unrunnable", |_| {});
    fs::set_permissions(
        connectors.join("unrunnable/unrunnable"),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    fs::create_dir(connectors.join("Empty")).unwrap();
    fs::create_dir(connectors.join("nothing")).unwrap();
    fs::create_dir(connectors.join("text")).unwrap();
    fs::write(connectors.join("text/plugin.json"), "<html>").unwrap();
    std::os::unix::fs::symlink(connectors.join("echo"), connectors.join("link")).unwrap();
    fs::write(connectors.join("README"), "no directory").unwrap();

    let found = place.store.scan();
    let answers: Vec<String> = found
        .iter()
        .map(|found| match &found.installed {
            Ok(installed) => format!("{} {}", found.name, installed.version),
            Err(error) => {
                let reason = match error {
                    StoreError::InvalidKey { .. } => "key",
                    StoreError::Link { .. } => "link",
                    StoreError::DirectoryName { .. } => "directory",
                    StoreError::NotExecutable { .. } => "mode",
                    StoreError::Package(PackageError::NoManifest { .. }) => "no manifest",
                    StoreError::Package(PackageError::Manifest { problem, .. }) => match problem {
                        ManifestProblem::NotJson { .. } => "not JSON",
                        ManifestProblem::DuplicateOperation { .. } => "duplicate",
                        ManifestProblem::Entry { .. } => "entry",
                        ManifestProblem::UnknownKind { .. } => "kind",
                        ManifestProblem::SchemaVersion { .. } => "schema",
                        other => panic!("{other}"),
                    },
                    other => panic!("{other}"),
                };
                format!("{}: {reason}", found.name)
            }
        })
        .collect();
    assert_eq!(
        answers,
        [
            "Empty: key",
            "duplicate: duplicate",
            "echo 1.0.0",
            "entry: entry",
            "kind: kind",
            "link: link",
            "nothing: no manifest",
            "other: directory",
            "schema: schema",
            "text: not JSON",
            "unrunnable: mode",
        ]
    );
    place.install("text", "1.0.0").unwrap();
    assert_whole(&place.store, "text", "1.0.0");
    for name in ["duplicate", "entry", "link", "schema"] {
        place.store.remove(name).unwrap();
        assert!(fs::symlink_metadata(connectors.join(name)).is_err());
    }
    // Neither the link's target nor what `entry` led to is gone.
    assert_whole(&place.store, "echo", "1.0.0");
}

#[test]
fn a_removal_takes_the_connector_and_nothing_that_it_links_to() {
    let place = Place::new();
    place.install("echo", "1.0.0").unwrap();
    place.install("other", "1.0.0").unwrap();
    fs::create_dir(place.path("outside")).unwrap();
    fs::write(place.path("outside/file"), "stays").unwrap();
    std::os::unix::fs::symlink(
        place.path("outside"),
        place.path("connectors/echo/versions/1.0.0/link"),
    )
    .unwrap();
    place.store.remove("echo").unwrap();
    assert!(place.path("outside/file").exists());
    assert!(matches!(
        place.store.get("echo"),
        Err(StoreError::NotInstalled { .. })
    ));
    assert!(!place.lock_text().contains("echo"));
    assert_whole(&place.store, "other", "1.0.0");
    assert!(matches!(
        place.store.remove("echo"),
        Err(StoreError::NotInstalled { .. })
    ));
    for name in ["../outside", "", ".", "..", ".staging", "a/b", "/etc"] {
        assert!(matches!(
            place.store.remove(name),
            Err(StoreError::InvalidKey { .. })
        ));
        assert!(matches!(
            place.store.get(name),
            Err(StoreError::InvalidKey { .. })
        ));
    }
    assert!(place.path("outside/file").exists());
}

#[test]
fn an_archive_from_elsewhere_is_installed_when_a_trusted_key_signed_it() {
    let place = Place::new();
    let key = PrivateKey::generate().unwrap();
    let package = place.package("echo", "1.0.0");
    fs::write(package.directory().join("echo.sig"), "cosign").unwrap();
    pack::sign(package.directory(), &key).unwrap();
    let archive = pack::pack(package.directory(), &place.path("out")).unwrap();
    let source = "https://user:secret@example.com/echo.zip?token=secret";
    let mut request = InstallRequest::new(source, Trust::new(), Origin::Elsewhere);
    let install = |request: &InstallRequest| {
        let package = place.store.open_package(&archive, &|| false).unwrap();
        place.store.install(&package, request, &|_| {})
    };
    let before = place.snapshot();
    let error = install(&request).unwrap_err();
    assert!(error.is_policy(), "{error}");
    // Only `.staging` and its like may have come.
    assert_eq!(place.snapshot(), before);

    request.trust.trust_key(key.public());
    request.trust.set_policy(SignaturePolicy::SignedEnvelope);
    request.expected_archive_sha256 = Some(packages::sha256(&fs::read(&archive).unwrap()));
    let installed = install(&request).unwrap();
    assert!(installed.directory.join("echo.sig").exists());
    let text = place.lock_text();
    assert!(
        text.contains("source = \"https://example.com/echo.zip\""),
        "{text}"
    );
    assert!(!text.contains("secret"), "{text}");
    assert!(text.contains(request.expected_archive_sha256.as_deref().unwrap()));
    // Where it came from is remembered: without the key it would not be taken again.
    place.store.verify("echo", &request.trust).unwrap();
    assert!(
        place
            .store
            .verify("echo", &Trust::new())
            .unwrap_err()
            .is_policy()
    );
}

#[test]
fn what_lies_in_the_store_has_plain_modes_whatever_it_came_with() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let package = place.package("echo", "1.0.0");
    fs::write(package.directory().join("data.txt"), "x").unwrap();
    for name in ["data.txt", "plugin.json"] {
        let mode = fs::Permissions::from_mode(0o777);
        fs::set_permissions(package.directory().join(name), mode).unwrap();
    }
    let installed = place.store.install(&package, &request(), &|_| {}).unwrap();
    let mode = |name: &str| {
        let path = installed.directory.join(name);
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    };
    assert_eq!(mode("data.txt"), 0o644);
    assert_eq!(mode("plugin.json"), 0o644);
    assert_eq!(mode("echo"), 0o755);
    assert_eq!(mode("."), 0o755);

    let setuid = place.package("setuid", "1.0.0");
    fs::set_permissions(setuid.program(), fs::Permissions::from_mode(0o4755)).unwrap();
    let error = place
        .store
        .install(&setuid, &request(), &|_| {})
        .unwrap_err();
    assert!(matches!(error, StoreError::Contents { .. }), "{error}");
    let linked = place.package("linked", "1.0.0");
    std::os::unix::fs::symlink("/etc/passwd", linked.directory().join("passwd")).unwrap();
    let error = place
        .store
        .install(&linked, &request(), &|_| {})
        .unwrap_err();
    assert!(matches!(error, StoreError::Contents { .. }), "{error}");
}

#[test]
fn a_change_waits_for_another_one_and_not_for_ever() {
    let place = Place::new();
    place.install("echo", "1.0.0").unwrap();
    let file = fs::File::open(place.path("connectors/.lock")).unwrap();
    file.lock().unwrap();
    let impatient = packages::open(&place.path("."));
    let impatient = impatient.with_lock_wait(Duration::from_millis(50));
    let package = place.package("echo", "1.1.0");
    let error = impatient
        .install(&package, &request(), &|_| {})
        .unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error}");
    // Readers do not wait.
    assert_eq!(impatient.get("echo").unwrap().version, "1.0.0");
    assert_eq!(impatient.scan().len(), 1);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| place.store.install(&package, &request(), &|_| {}));
        drop(file);
        assert_eq!(waiting.join().unwrap().unwrap().version, "1.1.0");
    });
}

#[test]
fn a_lock_file_that_cannot_be_understood_stops_a_change_before_it_begins() {
    let place = Place::new();
    place.install("echo", "1.0.0").unwrap();
    fs::write(place.path("outboard.lock"), "<<<<<<< HEAD\n").unwrap();
    let before = place.snapshot();
    assert!(matches!(
        place.install("echo", "1.1.0"),
        Err(StoreError::LockFile { .. })
    ));
    assert!(matches!(
        place.store.remove("echo"),
        Err(StoreError::LockFile { .. })
    ));
    assert_eq!(place.snapshot(), before);
}

#[test]
fn a_lock_file_that_cannot_be_written_leaves_the_old_version() {
    let place = Place::new();
    place.install("echo", "1.0.0").unwrap();
    // A directory in the way of the file that is written beside it, for root obeys no modes.
    fs::create_dir_all(place.path(".outboard.lock.new/x")).unwrap();
    let package = place.package("echo", "1.1.0");
    let error = place
        .store
        .install(&package, &request(), &|_| {})
        .unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    fs::remove_dir_all(place.path(".outboard.lock.new")).unwrap();
    let again = packages::open(&place.path("."));
    assert_whole(&again, "echo", "1.0.0");
    assert_eq!(again.versions("echo").unwrap().len(), 1);
}

#[test]
fn a_running_program_is_replaced_and_removed_under_its_feet() {
    use std::process::{Command, Stdio};
    let place = Place::new();
    let sleeper = fs::read("/bin/cat").unwrap();
    let directory = place.path("packages/cat");
    packages::write(
        &directory,
        &packages::manifest("echo", "1.0.0", &sleeper),
        &sleeper,
    );
    let package = Package::open(&directory).unwrap();
    let installed = place.store.install(&package, &request(), &|_| {}).unwrap();
    let start = || {
        Command::new(&installed.program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
    };
    // A process that another test forks may have the file open for writing until it
    // becomes another program.
    let ends = Instant::now() + Duration::from_secs(10);
    let mut child = loop {
        match start() {
            Err(error)
                if error.kind() == std::io::ErrorKind::ExecutableFileBusy
                    && Instant::now() < ends => {}
            started => break started.unwrap(),
        }
    };
    for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
        place.install("echo", version).unwrap();
        assert_whole(&place.store, "echo", version);
    }
    place.store.remove("echo").unwrap();
    assert!(!installed.program.exists());
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"still here").unwrap();
    drop(input);
    assert_eq!(child.wait_with_output().unwrap().stdout, b"still here");
}

#[test]
fn a_connector_whose_current_says_nothing_is_listed_so_and_installed_anew() {
    let place = Place::new();
    place.install("echo", "1.0.0").unwrap();
    let current = place.path("connectors/echo/current");
    fs::write(&current, "../../elsewhere\n").unwrap();
    let error = place.store.get("echo").unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert_eq!(place.store.scan().len(), 1);
    place.install("echo", "1.0.0").unwrap();
    assert_whole(&place.store, "echo", "1.0.0");
    assert_eq!(place.store.versions("echo").unwrap().len(), 1);
    // One whose files are damaged still has a version that is not gone below.
    place.install("echo", "1.1.0").unwrap();
    fs::write(
        place
            .store
            .get("echo")
            .unwrap()
            .directory
            .join("plugin.json"),
        "",
    )
    .unwrap();
    let error = place.install("echo", "1.0.0").unwrap_err();
    assert!(matches!(error, StoreError::Downgrade { .. }), "{error}");
    place.install("echo", "1.1.0").unwrap();
    assert_whole(&place.store, "echo", "1.1.0");
}

#[test]
fn a_directory_for_fetching_is_private_and_gone_afterwards() {
    let place = Place::new();
    let slot = place.store.slot().unwrap();
    let path = slot.path().to_owned();
    fs::write(path.join("archive"), "half").unwrap();
    // Another one that opens the store leaves it alone.
    drop(packages::open(&place.path(".")));
    assert!(path.join("archive").exists());
    drop(slot);
    assert!(!path.exists());
}

#[test]
fn what_no_installer_takes_leaves_everything_as_it_was() {
    use outboard_contracts::connector::Manifest;
    let place = Place::new();
    place.install("echo", "1.0.0").unwrap();
    let before = place.snapshot();
    let program = packages::program("echo", "1.1.0");
    type Change = fn(&mut Manifest);
    let changes: [(&str, Change); 10] = [
        ("entry", |manifest| manifest.entry = "../../echo".to_owned()),
        ("entry itself", |manifest| {
            manifest.entry = "plugin.json".to_owned()
        }),
        ("kind", |manifest| manifest.kind_word = "plugin".to_owned()),
        ("schema", |manifest| manifest.schema_version = 2),
        ("proto", |manifest| manifest.proto_version = 2),
        ("version", |manifest| manifest.version = "dev".to_owned()),
        ("key", |manifest| {
            manifest.module.meta.key = "../echo".to_owned()
        }),
        ("platform", |manifest| {
            manifest.os_arch = vec!["plan9/mips".to_owned()]
        }),
        ("digest", |manifest| manifest.sha256 = "0".repeat(64)),
        ("operations", |manifest| {
            let again = manifest.module.operations[0].clone();
            manifest.module.operations.push(again);
        }),
    ];
    for (number, (what, change)) in changes.into_iter().enumerate() {
        let mut manifest = packages::manifest("echo", "1.1.0", &program);
        change(&mut manifest);
        let directory = place.path(&format!("packages/bad-{number}"));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("plugin.json"), manifest.to_json()).unwrap();
        fs::write(directory.join("echo"), &program).unwrap();
        let archive = place.path(&format!("bad-{number}.tar.gz"));
        let packed = std::process::Command::new("tar")
            .arg("-czf")
            .arg(&archive)
            .arg("-C")
            .arg(&directory)
            .arg(".")
            .status();
        assert!(packed.unwrap().success());
        for source in [directory, archive] {
            let installed = place
                .store
                .open_package(&source, &|| false)
                .and_then(|package| place.store.install(&package, &request(), &|_| {}));
            assert!(installed.is_err(), "{what}");
            assert_eq!(place.snapshot(), before, "{what}");
        }
    }
    for bytes in [&b"<html>"[..], b"PK\x03\x04", b"\x1f\x8b\x08"] {
        fs::write(place.path("archive"), bytes).unwrap();
        let error = place
            .store
            .open_package(&place.path("archive"), &|| false)
            .unwrap_err();
        assert!(
            matches!(error, StoreError::Package(PackageError::Archive(_))),
            "{error}"
        );
        assert_eq!(place.snapshot(), before);
    }
    assert_whole(&place.store, "echo", "1.0.0");
}
