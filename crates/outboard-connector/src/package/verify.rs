//! Whether a package may run here: platform, contract, digest, signatures, in that order.

use std::{io, path::Path};

use outboard_contracts::connector::{
    self, Manifest,
    manifest::ManifestProblem,
    signing::{EnvelopeVerdict, PublicKey, verify_envelope, verify_sha256},
};

use super::{Origin, files};
use crate::{
    platform,
    trust::{SignaturePolicy, Trust},
};

/// What speaks against a package, and against which.
#[derive(Debug, thiserror::Error)]
#[error("connector {connector:?} is refused: {problem}")]
pub struct VerifyError {
    /// Its key, as its `plugin.json` has it; empty if that cannot be read.
    pub connector: String,
    /// What speaks against it.
    #[source]
    pub problem: VerifyProblem,
}

/// What speaks against a package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyProblem {
    /// Its `plugin.json` cannot be read.
    #[error("its plugin.json cannot be used: {0}")]
    Manifest(ManifestProblem),
    /// It runs somewhere else.
    #[error(
        "it runs on {}, and this is {host}; get the package for {host}",
        list(offered)
    )]
    Platform {
        /// What it runs on.
        offered: Vec<String>,
        /// What this is.
        host: String,
    },
    /// It speaks a version of the contract that this host does not.
    #[error(
        "it speaks version {found} of the contract, and this host speaks {oldest} to {newest}; \
         use a release of it that does, or a newer host"
    )]
    ProtoVersion {
        /// The version.
        found: i64,
        /// The oldest that is spoken here.
        oldest: u32,
        /// The newest.
        newest: u32,
    },
    /// The program cannot be read, or is none.
    #[error("its program cannot be read: {0}")]
    Program(#[source] io::Error),
    /// The program is not the one that its `plugin.json` describes.
    #[error(
        "its program is not the one that its plugin.json describes: the SHA-256 is {found}, and \
         {expected} was expected; do not run it, and get it again from where it comes from"
    )]
    Digest {
        /// What `plugin.json` says.
        expected: String,
        /// What the program has.
        found: String,
    },
    /// The program was revoked.
    #[error("its program, {sha256}, is revoked on this host; use another version")]
    RevokedProgram {
        /// Its SHA-256.
        sha256: String,
    },
    /// It is signed with a key that was revoked.
    #[error("it is signed with the key {key_id}, which is revoked on this host")]
    RevokedKey {
        /// The key.
        key_id: String,
    },
    /// It is not signed, and has to be.
    #[error(
        "it is not signed, and the policy here is {policy:?}; ask its author for a signed \
         package, or allow unsigned ones",
        policy = policy.as_str()
    )]
    Unsigned {
        /// The policy.
        policy: SignaturePolicy,
    },
    /// It is signed, and no key is trusted that could tell by whom.
    #[error(
        "it is signed, and this host trusts no key; put its author's public key into the \
         directory of keys if you trust them"
    )]
    NoTrustedKeys,
    /// The program's signature is that of no trusted key.
    #[error("the signature of its program was made by none of the trusted keys")]
    UntrustedSignature,
    /// The signature over `plugin.json` names a key that is not trusted.
    #[error("it is signed with the key {key_id}, which this host does not trust")]
    UnknownKey {
        /// The key.
        key_id: String,
    },
    /// The signature over `plugin.json` does not fit the file.
    #[error(
        "its plugin.json was changed after it was signed with the key {key_id}; get it again \
         from where it comes from"
    )]
    InvalidEnvelope {
        /// The key.
        key_id: String,
    },
    /// Only the program is signed, and the policy asks for all of `plugin.json`.
    #[error(
        "only its program is signed, and the policy here is \"signed-envelope\"; ask its author \
         to sign the whole package"
    )]
    EnvelopeUnsigned,
}

impl VerifyProblem {
    /// Whether it is the operator's policy that refuses it: signatures and revocations,
    /// as against a package that is broken or does not fit.
    pub fn is_policy(&self) -> bool {
        matches!(
            self,
            VerifyProblem::RevokedProgram { .. }
                | VerifyProblem::RevokedKey { .. }
                | VerifyProblem::Unsigned { .. }
                | VerifyProblem::NoTrustedKeys
                | VerifyProblem::UntrustedSignature
                | VerifyProblem::UnknownKey { .. }
                | VerifyProblem::InvalidEnvelope { .. }
                | VerifyProblem::EnvelopeUnsigned
        )
    }
}

fn list(offered: &[String]) -> String {
    match offered {
        [] => "nothing".to_owned(),
        some => some.join(", "),
    }
}

/// What the signatures of a package are worth here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureState {
    /// There is none.
    None,
    /// There is one, and no key is trusted that could tell whether it is good.
    Unverifiable,
    /// The program is signed with a trusted key; the rest of `plugin.json` is not.
    Program {
        /// The key.
        key_id: String,
    },
    /// All of `plugin.json`, and with it the program, is signed with a trusted key.
    Envelope {
        /// The key.
        key_id: String,
    },
}

/// A package that may run here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The SHA-256 of the program. Start it tied to this digest, so that what runs is
    /// what was verified.
    pub sha256: String,
    /// What its signatures are worth.
    pub signed: SignatureState,
}

/// Verifies the program at `program` against the `plugin.json` with the bytes `file`, in
/// the order of the original: platform, version of the contract, SHA-256, signatures.
///
/// The program is hashed through one open file; a link is not followed.
///
/// # Errors
///
/// [`VerifyError`] with the first thing that speaks against it.
pub fn verify_manifest(
    file: &[u8],
    program: &Path,
    trust: &Trust,
    origin: Origin,
) -> Result<Verified, VerifyError> {
    let manifest = Manifest::parse(file).map_err(|problem| VerifyError {
        connector: String::new(),
        problem: VerifyProblem::Manifest(problem),
    })?;
    verify(file, &manifest, program, trust, origin).map_err(|problem| VerifyError {
        connector: manifest.key().to_owned(),
        problem,
    })
}

fn verify(
    file: &[u8],
    manifest: &Manifest,
    program: &Path,
    trust: &Trust,
    origin: Origin,
) -> Result<Verified, VerifyProblem> {
    let host = platform::host();
    if !manifest.runs_on(&host) {
        return Err(VerifyProblem::Platform {
            offered: manifest.os_arch.clone(),
            host,
        });
    }
    let supported =
        u32::try_from(manifest.proto_version).is_ok_and(connector::proto_version_supported);
    if !supported {
        return Err(VerifyProblem::ProtoVersion {
            found: manifest.proto_version,
            oldest: connector::MIN_PROTO_VERSION,
            newest: connector::PROTO_VERSION,
        });
    }
    let (found, _) = files::open_regular(program)
        .and_then(|mut program| files::sha256(&mut program))
        .map_err(VerifyProblem::Program)?;
    if found != manifest.sha256 {
        return Err(VerifyProblem::Digest {
            expected: manifest.sha256.clone(),
            found,
        });
    }
    let signed = signature_state(file, manifest, trust, trust.policy(origin))?;
    Ok(Verified {
        sha256: found,
        signed,
    })
}

/// Judges the signatures of a `plugin.json`, without looking at the program.
pub(crate) fn signature_state(
    file: &[u8],
    manifest: &Manifest,
    trust: &Trust,
    policy: SignaturePolicy,
) -> Result<SignatureState, VerifyProblem> {
    refuse_revoked(manifest, trust)?;
    let keys = trust.keys();
    let signer = signer_of_program(&keys, manifest);
    let program_signed = !manifest.signature.is_empty();
    let envelope = verify_envelope(file, &keys).map_err(VerifyProblem::Manifest)?;
    let state = match (envelope, signer) {
        (EnvelopeVerdict::Invalid { key_id }, _) => {
            return Err(VerifyProblem::InvalidEnvelope { key_id });
        }
        (EnvelopeVerdict::UnknownKey { key_id }, _) if !keys.is_empty() => {
            return Err(VerifyProblem::UnknownKey { key_id });
        }
        (_, None) if program_signed && !keys.is_empty() => {
            return Err(VerifyProblem::UntrustedSignature);
        }
        (EnvelopeVerdict::Trusted { key }, _) => SignatureState::Envelope { key_id: key.id() },
        (EnvelopeVerdict::Absent, Some(key)) => SignatureState::Program { key_id: key.id() },
        (EnvelopeVerdict::Absent, None) if !program_signed => SignatureState::None,
        _ => SignatureState::Unverifiable,
    };
    match (policy, &state) {
        (SignaturePolicy::UnsignedOk, _) | (_, SignatureState::Envelope { .. }) => Ok(state),
        (_, SignatureState::None) => Err(VerifyProblem::Unsigned { policy }),
        (_, SignatureState::Unverifiable) => Err(VerifyProblem::NoTrustedKeys),
        (SignaturePolicy::Signed, SignatureState::Program { .. }) => Ok(state),
        (SignaturePolicy::SignedEnvelope, SignatureState::Program { .. }) => {
            Err(VerifyProblem::EnvelopeUnsigned)
        }
    }
}

fn refuse_revoked(manifest: &Manifest, trust: &Trust) -> Result<(), VerifyProblem> {
    if trust.is_revoked_program(&manifest.sha256) {
        return Err(VerifyProblem::RevokedProgram {
            sha256: manifest.sha256.clone(),
        });
    }
    if let Some(signed) = &manifest.envelope_signature
        && trust.is_revoked_key(&signed.key_id)
    {
        return Err(VerifyProblem::RevokedKey {
            key_id: signed.key_id.clone(),
        });
    }
    // The original's signature names no key, so only one that is known can be recognised.
    match signer_of_program(&trust.former_keys(), manifest) {
        Some(key) => Err(VerifyProblem::RevokedKey { key_id: key.id() }),
        None => Ok(()),
    }
}

fn signer_of_program(keys: &[PublicKey], manifest: &Manifest) -> Option<PublicKey> {
    let made_it =
        |key: &&PublicKey| verify_sha256(&[key.to_base64()], &manifest.sha256, &manifest.signature);
    keys.iter().find(made_it).copied()
}

#[cfg(test)]
mod tests {
    use outboard_contracts::connector::{Module, module::Meta, signing::PrivateKey};

    use super::*;

    const PROGRAM: &[u8] = b"the bytes of the binary\n";

    struct Case {
        directory: tempfile::TempDir,
        manifest: Manifest,
        trust: Trust,
    }

    impl Case {
        fn new() -> Case {
            let directory = tempfile::tempdir().unwrap();
            std::fs::write(directory.path().join("echo"), PROGRAM).unwrap();
            let manifest = Manifest {
                schema_version: 1,
                version: "1.0.0".to_owned(),
                proto_version: 1,
                entry: "echo".to_owned(),
                os_arch: vec![platform::host()],
                sha256: files::sha256(&mut &*PROGRAM).unwrap().0,
                module: Module {
                    meta: Meta {
                        key: "echo".to_owned(),
                        ..Meta::default()
                    },
                    ..Module::default()
                },
                ..Manifest::default()
            };
            Case {
                directory,
                manifest,
                trust: Trust::new(),
            }
        }

        fn verify(&self, origin: Origin) -> Result<SignatureState, VerifyProblem> {
            self.verify_file(self.manifest.to_json().as_bytes(), origin)
        }

        fn verify_file(
            &self,
            file: &[u8],
            origin: Origin,
        ) -> Result<SignatureState, VerifyProblem> {
            let program = self.directory.path().join("echo");
            match verify_manifest(file, &program, &self.trust, origin) {
                Ok(verified) => {
                    assert_eq!(verified.sha256, self.manifest.sha256);
                    Ok(verified.signed)
                }
                Err(error) => {
                    assert!(error.to_string().contains("\"echo\""), "{error}");
                    Err(error.problem)
                }
            }
        }
    }

    // The seven cases of the original's own test of verification follow.

    #[test]
    fn an_unsigned_package_of_a_developer_is_taken_from_a_local_directory() {
        let case = Case::new();
        assert_eq!(
            case.verify(Origin::LocalDirectory).unwrap(),
            SignatureState::None
        );
        // DIFFERENCE: from anywhere else the original takes it too.
        assert!(matches!(
            case.verify(Origin::Elsewhere),
            Err(VerifyProblem::Unsigned { .. })
        ));
    }

    #[test]
    fn a_package_for_another_platform_is_refused_before_its_program_is_looked_at() {
        let mut case = Case::new();
        case.manifest.os_arch = vec!["plan9/mips".to_owned()];
        case.manifest.proto_version = 9;
        std::fs::remove_file(case.directory.path().join("echo")).unwrap();
        assert!(matches!(
            case.verify(Origin::LocalDirectory),
            Err(VerifyProblem::Platform { .. })
        ));
    }

    #[test]
    fn a_program_that_was_changed_is_refused_although_the_signature_fits_the_file() {
        let mut case = Case::new();
        let key = PrivateKey::generate().unwrap();
        case.trust.trust_key(key.public());
        key.sign(&mut case.manifest).unwrap();
        std::fs::write(case.directory.path().join("echo"), "another").unwrap();
        assert!(matches!(
            case.verify(Origin::LocalDirectory),
            Err(VerifyProblem::Digest { .. })
        ));
    }

    #[test]
    fn a_version_of_the_contract_outside_the_window_is_refused() {
        for version in [0, 2, -1, i64::MAX] {
            let mut case = Case::new();
            case.manifest.proto_version = version;
            assert!(matches!(
                case.verify(Origin::LocalDirectory),
                Err(VerifyProblem::ProtoVersion { found, .. }) if found == version
            ));
        }
    }

    #[test]
    fn an_unsigned_package_is_refused_where_signatures_are_required() {
        let mut case = Case::new();
        case.trust.set_policy(SignaturePolicy::Signed);
        let problem = case.verify(Origin::LocalDirectory).unwrap_err();
        assert!(matches!(problem, VerifyProblem::Unsigned { .. }));
        assert!(problem.is_policy());
    }

    #[test]
    fn a_package_that_a_trusted_key_signed_is_taken_where_signatures_are_required() {
        let mut case = Case::new();
        let key = PrivateKey::generate().unwrap();
        case.trust.trust_key(key.public());
        case.manifest.signature = key.sign_sha256(&case.manifest.sha256);
        let key_id = key.public().id();
        assert_eq!(
            case.verify(Origin::Elsewhere).unwrap(),
            SignatureState::Program { key_id }
        );
    }

    #[test]
    fn a_package_that_another_key_signed_is_refused_under_every_policy() {
        let mut case = Case::new();
        case.trust
            .trust_key(PrivateKey::generate().unwrap().public());
        let stranger = PrivateKey::generate().unwrap();
        case.manifest.signature = stranger.sign_sha256(&case.manifest.sha256);
        for policy in [SignaturePolicy::UnsignedOk, SignaturePolicy::Signed] {
            case.trust.set_policy(policy);
            assert!(matches!(
                case.verify(Origin::LocalDirectory),
                Err(VerifyProblem::UntrustedSignature)
            ));
        }
        stranger.sign(&mut case.manifest).unwrap();
        assert!(matches!(
            case.verify(Origin::LocalDirectory),
            Err(VerifyProblem::UnknownKey { .. })
        ));
    }

    #[test]
    fn a_signature_that_nobody_could_check_is_reported_and_never_counts() {
        let mut case = Case::new();
        PrivateKey::generate()
            .unwrap()
            .sign(&mut case.manifest)
            .unwrap();
        assert_eq!(
            case.verify(Origin::LocalDirectory).unwrap(),
            SignatureState::Unverifiable
        );
        assert!(matches!(
            case.verify(Origin::Elsewhere),
            Err(VerifyProblem::NoTrustedKeys)
        ));
    }

    #[test]
    fn the_strictest_policy_takes_only_a_package_that_is_signed_whole() {
        let mut case = Case::new();
        let key = PrivateKey::generate().unwrap();
        case.trust.trust_key(key.public());
        case.trust.set_policy(SignaturePolicy::SignedEnvelope);
        case.manifest.signature = key.sign_sha256(&case.manifest.sha256);
        assert!(matches!(
            case.verify(Origin::Elsewhere),
            Err(VerifyProblem::EnvelopeUnsigned)
        ));
        key.sign(&mut case.manifest).unwrap();
        assert!(matches!(
            case.verify(Origin::Elsewhere),
            Ok(SignatureState::Envelope { .. })
        ));
        // What the original's signature does not cover: here the file's other parts.
        let changed = case
            .manifest
            .to_json()
            .replace("\"echo\",\"Name\":\"\"", "\"echo\",\"Name\":\"x\"");
        assert_ne!(changed, case.manifest.to_json());
        case.trust.set_policy(SignaturePolicy::UnsignedOk);
        assert!(matches!(
            case.verify_file(changed.as_bytes(), Origin::LocalDirectory),
            Err(VerifyProblem::InvalidEnvelope { .. })
        ));
    }

    #[test]
    fn what_is_revoked_is_refused_under_every_policy() {
        let key = PrivateKey::generate().unwrap();
        for by_key in [true, false] {
            let mut case = Case::new();
            case.trust.trust_key(key.public());
            case.trust.set_policy(SignaturePolicy::UnsignedOk);
            // The original's signature, which does not name its key, then both.
            case.manifest.signature = key.sign_sha256(&case.manifest.sha256);
            assert!(case.verify(Origin::LocalDirectory).is_ok());
            let id = if by_key {
                key.public().id()
            } else {
                case.manifest.sha256.clone()
            };
            case.trust.revoke(&id).unwrap();
            for _ in 0..2 {
                let problem = case.verify(Origin::LocalDirectory).unwrap_err();
                assert!(
                    matches!(
                        problem,
                        VerifyProblem::RevokedKey { .. } | VerifyProblem::RevokedProgram { .. }
                    ),
                    "{problem}"
                );
                key.sign(&mut case.manifest).unwrap();
            }
        }
        // A key that is revoked and was never known here is named by the envelope.
        let mut case = Case::new();
        case.trust.revoke(&key.public().id()).unwrap();
        key.sign(&mut case.manifest).unwrap();
        assert!(matches!(
            case.verify(Origin::LocalDirectory),
            Err(VerifyProblem::RevokedKey { .. })
        ));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_is_a_link_or_a_pipe_is_refused_without_waiting() {
        let case = Case::new();
        let program = case.directory.path().join("echo");
        std::fs::rename(&program, case.directory.path().join("real")).unwrap();
        std::os::unix::fs::symlink("real", &program).unwrap();
        assert!(matches!(
            case.verify(Origin::LocalDirectory),
            Err(VerifyProblem::Program(_))
        ));
        std::fs::remove_file(&program).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &program,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        assert!(matches!(
            case.verify(Origin::LocalDirectory),
            Err(VerifyProblem::Program(_))
        ));
    }
}
