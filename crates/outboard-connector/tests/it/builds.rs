//! Packages made from projects and from programs, with the real Cargo.

use std::{fs, path::Path};

use outboard_connector::{
    package::{
        Origin, SignatureState, VerifyProblem,
        build::{self, BuildError, BuildOptions},
    },
    platform,
    trust::{SignaturePolicy, Trust},
};
use outboard_contracts::connector::{manifest::ManifestProblem, signing::PrivateKey};

use crate::packages;

/// A Cargo project without dependencies, whose program prints `manifest` when asked.
fn project(directory: &Path, manifest: &str, programs: &[&str]) {
    fs::create_dir_all(directory.join("src/bin")).unwrap();
    let cargo_toml = "[package]\nname = \"echo-connector\"\nversion = \"0.3.1\"\nedition = \"2024\"\n[workspace]\n";
    fs::write(directory.join("Cargo.toml"), cargo_toml).unwrap();
    let source = format!(
        "fn main() {{
            assert_eq!(std::env::args().nth(1).as_deref(), Some(\"--dump-manifest\"));
            assert_eq!(std::env::args().count(), 2);
            assert!(std::env::var_os(\"CARGO\").is_none(), \"the environment is not handed on\");
            println!(\"{{}}\", {manifest:?});
        }}"
    );
    for program in programs {
        fs::write(directory.join(format!("src/bin/{program}.rs")), &source).unwrap();
    }
}

#[test]
fn a_cargo_project_becomes_a_signed_package_that_is_packed_and_installed() {
    let place = packages::Place::new();
    let mut printed = packages::manifest("echo", "0.0.0-dev", b"something else");
    printed.os_arch = vec!["plan9/mips".to_owned()];
    let directory = place.path("project");
    project(&directory, &printed.to_json(), &["echo"]);
    let key = PrivateKey::generate().unwrap();
    let mut options = BuildOptions::default();
    options.sign_with = Some(&key);
    options.expected_key = Some("echo".to_owned());
    let package = build::build(&directory, &place.path("dist"), &options, &|| false).unwrap();
    assert_eq!(package.directory(), place.path("dist/echo"));
    // What the build knows better than the program.
    let manifest = package.manifest();
    assert_eq!(manifest.version, "0.3.1");
    assert_eq!(manifest.os_arch, [platform::host()]);
    assert_eq!(
        manifest.sha256,
        packages::sha256(&fs::read(package.program()).unwrap())
    );
    let mut trust = Trust::new();
    trust.trust_key(key.public());
    trust.set_policy(SignaturePolicy::SignedEnvelope);
    let verified = package.verify(&trust, Origin::Elsewhere).unwrap();
    let key_id = key.public().id();
    assert_eq!(verified.signed, SignatureState::Envelope { key_id });
    assert_eq!(
        fs::read_dir(place.path("dist")).unwrap().count(),
        1,
        "nothing is left beside it"
    );

    options.expected_key = Some("slack".to_owned());
    let error = build::build(&directory, &place.path("dist"), &options, &|| false).unwrap_err();
    assert!(matches!(error, BuildError::OtherKey { .. }), "{error}");
    assert!(package.program().exists());

    fs::write(
        directory.join("src/bin/echo.rs"),
        "fn main() { println!(\"hello\"); }",
    )
    .unwrap();
    let options = BuildOptions::default();
    let error = build::build(&directory, &place.path("dist"), &options, &|| false).unwrap_err();
    assert!(
        matches!(
            &error,
            BuildError::Manifest {
                problem: ManifestProblem::NotJson { .. },
                ..
            }
        ),
        "{error}"
    );
    fs::write(directory.join("src/bin/echo.rs"), "no Rust").unwrap();
    let error = build::build(&directory, &place.path("dist"), &options, &|| false).unwrap_err();
    assert!(matches!(error, BuildError::Failed { .. }), "{error}");
    assert!(
        package.verify(&trust, Origin::Elsewhere).is_ok(),
        "the old package stays"
    );
}

#[test]
fn a_project_with_several_programs_must_say_which_one_it_is() {
    let place = packages::Place::new();
    let directory = place.path("project");
    let printed = packages::manifest("echo", "0.0.0-dev", b"");
    project(&directory, &printed.to_json(), &["echo", "helper"]);
    let mut options = BuildOptions::default();
    let error = build::build(&directory, &place.path("dist"), &options, &|| false).unwrap_err();
    match error {
        BuildError::Programs { mut programs, .. } => {
            programs.sort();
            assert_eq!(programs, ["echo", "helper"]);
        }
        other => panic!("{other}"),
    }
    options.program = Some("echo".to_owned());
    options.version = Some("2.0.0".to_owned());
    let package = build::build(&directory, &place.path("dist"), &options, &|| false).unwrap();
    assert_eq!(package.manifest().version, "2.0.0");
    let error = build::build(&place.path("dist"), &place.path("x"), &options, &|| false);
    assert!(matches!(
        error,
        Err(BuildError::Failed { .. } | BuildError::Cargo { .. })
    ));
    let cancelled = build::build(&directory, &place.path("dist"), &options, &|| true);
    assert!(matches!(cancelled, Err(BuildError::Cancelled)));
}

#[test]
fn a_program_in_any_language_becomes_a_package() {
    let place = packages::Place::new();
    let program = place.path("echo.sh");
    fs::write(&program, "#!/bin/sh\nexit 1\n").unwrap();
    let mut written = packages::manifest("echo", "1.0.0", b"");
    written.sha256 = String::new();
    written.schema_version = 0;
    written.os_arch.clear();
    written.entry = "../elsewhere".to_owned();
    let mut options = BuildOptions::default();
    options.os_arch = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
    let text = written.to_json();
    for _ in 0..2 {
        let package =
            build::assemble(text.as_bytes(), &program, &place.path("dist"), &options).unwrap();
        assert_eq!(package.manifest().entry, "echo.sh");
        assert_eq!(package.manifest().os_arch, options.os_arch);
        package
            .verify(&Trust::new(), Origin::LocalDirectory)
            .unwrap();
        // A file from before does not stay.
        assert!(!package.directory().join("stale").exists());
        fs::write(package.directory().join("stale"), "").unwrap();
    }
    written.module.meta.key = "../echo".to_owned();
    let text = written.to_json();
    let error = build::assemble(text.as_bytes(), &program, &place.path("dist"), &options);
    assert!(matches!(
        error,
        Err(BuildError::Manifest {
            problem: ManifestProblem::Key(_),
            ..
        })
    ));
    assert_eq!(fs::read_dir(place.path("dist")).unwrap().count(), 1);
}

#[test]
fn a_package_for_another_platform_is_built_and_not_installed_here() {
    let place = packages::Place::new();
    let program = place.path("echo");
    fs::write(&program, "x").unwrap();
    let written = packages::manifest("echo", "1.0.0", b"");
    let mut options = BuildOptions::default();
    options.os_arch = vec!["plan9/mips".to_owned()];
    let text = written.to_json();
    let package =
        build::assemble(text.as_bytes(), &program, &place.path("dist"), &options).unwrap();
    let before = place.snapshot();
    let error = place
        .store
        .install(&package, &packages::request(), &|_| {})
        .unwrap_err();
    assert!(matches!(
        &error,
        outboard_connector::store::StoreError::Verify(error)
            if matches!(error.problem, VerifyProblem::Platform { .. })
    ));
    assert_eq!(place.snapshot(), before);
    let archive =
        outboard_connector::package::pack::pack(package.directory(), &place.path("out")).unwrap();
    assert!(
        archive.ends_with("echo-1.0.0-plan9-mips.zip"),
        "{archive:?}"
    );
}
