//! Packages, unsigned, signed and tampered with, and what either host makes of them.

use std::{fs, path::Path};

use outboard_connector::{
    package::{self, Origin, PackageError, VerifyProblem},
    trust::{SignaturePolicy, Trust},
};
use outboard_contracts::connector::{
    Manifest,
    manifest::ManifestProblem,
    signing::{EnvelopeVerdict, PrivateKey, verify_envelope, verify_sha256},
};
use outboard_interop::{cases, connector::sha256, tools};
use serde_json::{Value, json};

use super::support::{GoTrust, Package, the_go_host_runs};
use crate::support::RUST_CONNECTOR;

/// A publisher, whose private key is in a file.
struct Publisher {
    key: PrivateKey,
    file: tempfile::NamedTempFile,
}

impl Publisher {
    fn new() -> Publisher {
        let key = PrivateKey::generate().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), key.to_base64()).unwrap();
        Publisher { key, file }
    }

    fn public_key(&self) -> String {
        self.key.public().to_base64()
    }
}

/// What is done to a package before a host sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Nothing,
    /// The program is another one, and plugin.json is as it was.
    Program,
    /// The program is another one, and its digest in plugin.json too.
    ProgramAndDigest,
    /// The digest is another one.
    Digest,
    /// The signature is taken off.
    NoSignature,
    /// The signature is text that is none.
    Nonsense,
    /// It calls itself another connector.
    Key,
    /// Its destructive operation says that it is none.
    Destructive,
    /// It is for another machine.
    Platform,
    /// It speaks a version that nobody knows.
    Version,
    /// Its program is in another directory.
    Entry,
}

impl Change {
    fn apply(self, package: &Package) {
        let program = package.program();
        if matches!(self, Change::Program | Change::ProgramAndDigest) {
            // Behind the end of an executable, where nothing looks.
            let mut bytes = fs::read(&program).unwrap();
            bytes.push(0);
            fs::write(&program, bytes).unwrap();
        }
        package.edit(|manifest| match self {
            Change::Nothing | Change::Program => {}
            Change::ProgramAndDigest => {
                manifest["sha256"] = sha256(&fs::read(&program).unwrap()).into();
            }
            Change::Digest => manifest["sha256"] = "0".repeat(64).into(),
            Change::NoSignature => manifest["signature"] = "".into(),
            Change::Nonsense => manifest["signature"] = "####".into(),
            Change::Key => manifest["module"]["Meta"]["Key"] = "cellar".into(),
            Change::Destructive => *destructive(manifest) = false.into(),
            Change::Platform => manifest["os_arch"] = json!(["plan9/mips"]),
            Change::Version => manifest["proto_version"] = 2.into(),
            Change::Entry => manifest["entry"] = "../larder".into(),
        });
    }
}

fn destructive(manifest: &mut Value) -> &mut Value {
    let operations = manifest["module"]["Operations"][0]["Ops"].as_array_mut();
    let wipe = operations
        .unwrap()
        .iter_mut()
        .find(|it| it["Key"] == "wipe");
    let mark = &mut wipe.unwrap()["Destructive"];
    assert_eq!(*mark, true);
    mark
}

/// How a host is set up, as the original's two variables say it.
#[derive(Clone, Copy, Debug)]
enum Policy {
    NoKeys,
    KeyKnown,
    Required,
    RequiredOfAnother,
}

const POLICIES: [Policy; 4] = [
    Policy::NoKeys,
    Policy::KeyKnown,
    Policy::Required,
    Policy::RequiredOfAnother,
];

/// A signed package by its change, and the check that refuses it, by policy. The original
/// signs the digest of the program alone, so what else is changed goes unnoticed.
const SIGNED: &[(Change, [&str; 4])] = &[
    (Change::Nothing, ["", "", "", "untrusted"]),
    (Change::Program, ["sha256"; 4]),
    (
        Change::ProgramAndDigest,
        ["", "untrusted", "untrusted", "untrusted"],
    ),
    (Change::Digest, ["sha256"; 4]),
    (Change::NoSignature, ["", "", "unsigned", "unsigned"]),
    (
        Change::Nonsense,
        ["", "untrusted", "untrusted", "untrusted"],
    ),
    (Change::Key, ["", "", "", "untrusted"]),
    (Change::Destructive, ["", "", "", "untrusted"]),
    (Change::Platform, ["os_arch"; 4]),
    (Change::Version, ["proto_version"; 4]),
    (Change::Entry, ["entry"; 4]),
];

/// The same for one that was never signed.
const UNSIGNED: &[(Change, [&str; 4])] = &[
    (Change::Nothing, ["", "", "unsigned", "unsigned"]),
    (Change::Program, ["sha256"; 4]),
    (Change::ProgramAndDigest, ["", "", "unsigned", "unsigned"]),
];

/// Keys of the one who signs, and of one who does not.
struct Keys {
    publisher: Publisher,
    stranger: Publisher,
}

impl Keys {
    fn new() -> Keys {
        Keys {
            publisher: Publisher::new(),
            stranger: Publisher::new(),
        }
    }

    /// Whose key a host has under a policy, and whether it requires a signature.
    fn under(&self, policy: Policy) -> (Option<&Publisher>, bool) {
        match policy {
            Policy::NoKeys => (None, false),
            Policy::KeyKnown => (Some(&self.publisher), false),
            Policy::Required => (Some(&self.publisher), true),
            Policy::RequiredOfAnother => (Some(&self.stranger), true),
        }
    }

    fn the_go_host_says(
        &self,
        go: &tools::GoCommands,
        package: &Package,
        policy: Policy,
    ) -> String {
        let (key, required) = self.under(policy);
        let public_key = key.map(Publisher::public_key).unwrap_or_default();
        let trust = GoTrust {
            public_key: &public_key,
            required,
        };
        trust.verdict(go, package.path())
    }

    /// In the same words as the Go host.
    fn our_host_says(&self, package: &Package, policy: Policy) -> &'static str {
        let (key, required) = self.under(policy);
        let mut trust = Trust::new();
        if let Some(key) = key {
            trust.trust_key(key.key.public());
        }
        trust.set_policy(match required {
            true => SignaturePolicy::Signed,
            false => SignaturePolicy::UnsignedOk,
        });
        let opened = match package::Package::open(package.path()) {
            Ok(opened) => opened,
            Err(PackageError::Manifest { problem, .. }) => match problem {
                ManifestProblem::Entry { .. } => return "entry",
                other => panic!("{other}"),
            },
            Err(other) => panic!("{other}"),
        };
        match opened.verify(&trust, Origin::LocalDirectory) {
            Ok(_) => "",
            Err(error) => match error.problem {
                VerifyProblem::Platform { .. } => "os_arch",
                VerifyProblem::ProtoVersion { .. } => "proto_version",
                VerifyProblem::Digest { .. } => "sha256",
                VerifyProblem::Unsigned { .. } => "unsigned",
                VerifyProblem::UntrustedSignature
                | VerifyProblem::UnknownKey { .. }
                | VerifyProblem::NoTrustedKeys => "untrusted",
                VerifyProblem::InvalidEnvelope { .. } => "envelope",
                other => panic!("{other}"),
            },
        }
    }
}

/// Both hosts judge every package of this program under every policy. They agree where
/// ours is set up to ask for no more than the original does.
fn both_hosts_judge(program: &Path) {
    let Some(go) = tools::go() else { return };
    let keys = Keys::new();
    let key_file = Some(keys.publisher.file.path());
    for (signed_with, table) in [(key_file, SIGNED), (None, UNSIGNED)] {
        for (change, verdicts) in table {
            let package = Package::of(program, signed_with);
            // The second signature is another test's.
            package.edit(|manifest| {
                manifest
                    .as_object_mut()
                    .unwrap()
                    .remove("envelope_signature");
            });
            change.apply(&package);
            for (policy, verdict) in POLICIES.into_iter().zip(verdicts) {
                let about = format!("{change:?} {policy:?} {signed_with:?}");
                let go_says = keys.the_go_host_says(&go, &package, policy);
                assert_eq!(go_says, *verdict, "{about}");
                assert_eq!(keys.our_host_says(&package, policy), *verdict, "{about}");
            }
        }
    }
}

#[test]
fn both_hosts_refuse_the_same_of_what_was_done_to_a_go_connector() {
    let Some(go) = tools::go() else { return };
    both_hosts_judge(&go.path("go-connector"));
}

#[test]
fn both_hosts_refuse_the_same_of_what_was_done_to_our_connector() {
    both_hosts_judge(RUST_CONNECTOR.as_ref());
}

/// DIFFERENCE: what the original's signature does not cover, the second one does, and our
/// host notices.
#[test]
fn our_host_alone_notices_what_was_changed_beside_the_program() {
    let Some(go) = tools::go() else { return };
    let keys = Keys::new();
    for change in [Change::Nothing, Change::Key, Change::Destructive] {
        let package = Package::of(RUST_CONNECTOR.as_ref(), Some(keys.publisher.file.path()));
        assert!(package.manifest().envelope_signature.is_some());
        change.apply(&package);
        for policy in [Policy::KeyKnown, Policy::Required] {
            assert_eq!(keys.the_go_host_says(&go, &package, policy), "");
            let noticed = if change == Change::Nothing {
                ""
            } else {
                "envelope"
            };
            assert_eq!(keys.our_host_says(&package, policy), noticed, "{change:?}");
        }
    }
}

/// DIFFERENCE: without its signature a package passes the original, if that requires none.
/// Our default lets it pass from a local directory alone.
#[test]
fn our_host_alone_misses_a_signature_that_was_taken_off() {
    let Some(go) = tools::go() else { return };
    let keys = Keys::new();
    let package = Package::of(&go.path("go-connector"), Some(keys.publisher.file.path()));
    Change::NoSignature.apply(&package);
    assert_eq!(keys.the_go_host_says(&go, &package, Policy::KeyKnown), "");
    let mut trust = Trust::new();
    trust.trust_key(keys.publisher.key.public());
    let opened = package::Package::open(package.path()).unwrap();
    opened.verify(&trust, Origin::LocalDirectory).unwrap();
    let refused = opened.verify(&trust, Origin::Elsewhere).unwrap_err();
    assert!(
        matches!(refused.problem, VerifyProblem::Unsigned { .. }),
        "{refused}"
    );
}

#[test]
fn a_package_that_our_connector_signed_by_itself_runs_on_the_go_host() {
    let Some(go) = tools::go() else { return };
    let publisher = Publisher::new();
    let package = Package::of(RUST_CONNECTOR.as_ref(), Some(publisher.file.path()));
    assert!(package.manifest().envelope_signature.is_some());
    let trust = GoTrust {
        public_key: &publisher.public_key(),
        required: true,
    };
    the_go_host_runs(cases::CONNECTOR, trust.host(&go), &package);
}

#[test]
fn a_package_with_our_second_signature_runs_on_the_go_host() {
    let Some(go) = tools::go() else { return };
    let publisher = Publisher::new();
    let package = Package::of(&go.path("go-connector"), None);
    let mut manifest = package.manifest();
    publisher.key.sign(&mut manifest).unwrap();
    let text = manifest.to_json_pretty();
    assert!(text.contains("envelope_signature"), "{text}");
    fs::write(package.manifest_file(), text).unwrap();
    let trust = GoTrust {
        public_key: &publisher.public_key(),
        required: true,
    };
    the_go_host_runs(cases::CONNECTOR, trust.host(&go), &package);
}

/// DIFFERENCE: the original's signature says nothing about plugin.json. Ours does.
#[test]
fn our_second_signature_notices_what_the_first_does_not() {
    let Some(go) = tools::go() else { return };
    let publisher = Publisher::new();
    let public = publisher.key.public();
    for change in [Change::Nothing, Change::Key, Change::Destructive] {
        let package = Package::of(&go.path("go-connector"), None);
        let mut manifest = package.manifest();
        publisher.key.sign(&mut manifest).unwrap();
        fs::write(package.manifest_file(), manifest.to_json_pretty()).unwrap();
        change.apply(&package);
        let file = fs::read(package.manifest_file()).unwrap();
        let manifest = Manifest::parse(&file).unwrap();
        let first = verify_sha256(&[public.to_base64()], &manifest.sha256, &manifest.signature);
        assert!(first, "{change:?}");
        let second = verify_envelope(&file, std::slice::from_ref(&public)).unwrap();
        let valid = matches!(second, EnvelopeVerdict::Trusted { .. });
        assert_eq!(valid, change == Change::Nothing, "{change:?} {second:?}");
    }
}

#[test]
fn what_a_go_connector_signs_is_what_we_verify() {
    let Some(go) = tools::go() else { return };
    let publisher = Publisher::new();
    let package = Package::of(&go.path("go-connector"), Some(publisher.file.path()));
    let manifest = package.manifest();
    manifest.check().unwrap();
    let program = fs::read(package.program()).unwrap();
    assert_eq!(manifest.sha256, sha256(&program));
    // Ed25519 signs the same thing the same way each time.
    assert_eq!(
        manifest.signature,
        publisher.key.sign_sha256(&manifest.sha256)
    );
    let by =
        |key: &Publisher| verify_sha256(&[key.public_key()], &manifest.sha256, &manifest.signature);
    assert!(by(&publisher));
    assert!(!by(&Publisher::new()));
}
