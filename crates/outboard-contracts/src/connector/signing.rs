//! Ed25519 signatures of connector packages.
//!
//! The original signs the text of the program's SHA-256 and nothing else, so everything
//! else in a `plugin.json` could be swapped. A package of ours carries that signature, for
//! its hosts, and a second one over the whole file that names its key.
//!
//! Keys are base64 texts: 32 bytes for a public key, 64 for a private one, which are the
//! seed and the public key. They are those of the original.
//!
//! ```
//! use outboard_contracts::connector::signing::{PrivateKey, verify_sha256};
//!
//! let key = PrivateKey::generate().unwrap();
//! let sha256 = "284ebf2009d1bfd200ef28509f882cf3ffd683dd73b6d36ff87b97612454282d";
//! let signature = key.sign_sha256(sha256);
//! assert!(verify_sha256(&[key.public().to_base64()], sha256, &signature));
//! ```

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    digest, rand,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};

use super::manifest::{EnvelopeSignature, Manifest, ManifestProblem, envelope_payload};

/// A text that is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// Not base64, or not of the length of a key.
    #[error("this is no {what}: {reason}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// What is wrong. Never the text.
        reason: String,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes for a key")]
    NoRandomness,
}

/// What signs. Its debug output shows the public half alone.
pub struct PrivateKey {
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PrivateKey")
            .field("public", &self.public())
            .finish_non_exhaustive()
    }
}

impl PrivateKey {
    /// A new key.
    ///
    /// # Errors
    ///
    /// [`SigningError::NoRandomness`].
    pub fn generate() -> Result<PrivateKey, SigningError> {
        let seed: [u8; 32] = rand::generate(&rand::SystemRandom::new())
            .map_err(|_| SigningError::NoRandomness)?
            .expose();
        PrivateKey::from_seed(seed)
    }

    fn from_seed(seed: [u8; 32]) -> Result<PrivateKey, SigningError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|error| {
            SigningError::Malformed {
                what: "private key",
                reason: error.to_string(),
            }
        })?;
        Ok(PrivateKey { seed, pair })
    }

    /// Reads a private key; white space around it is passed over.
    ///
    /// # Errors
    ///
    /// [`SigningError::Malformed`], also when its two halves do not belong together.
    pub fn from_base64(text: &str) -> Result<PrivateKey, SigningError> {
        let bytes = decode::<64>("private key", text)?;
        let (seed, public) = bytes.split_at(32);
        let mut half = [0; 32];
        half.copy_from_slice(seed);
        let key = PrivateKey::from_seed(half)?;
        if key.pair.public_key().as_ref() != public {
            return Err(SigningError::Malformed {
                what: "private key",
                reason: "its two halves do not belong together".to_owned(),
            });
        }
        Ok(key)
    }

    /// The key as [`PrivateKey::from_base64`] reads it. Keep it where no one else reads.
    pub fn to_base64(&self) -> String {
        let mut bytes = self.seed.to_vec();
        bytes.extend(self.pair.public_key().as_ref());
        STANDARD.encode(bytes)
    }

    /// The half that verifies.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey(bytes)
    }

    /// Signs the text of a SHA-256, as the original does; base64.
    pub fn sign_sha256(&self, sha256: &str) -> String {
        STANDARD.encode(self.pair.sign(sha256.as_bytes()))
    }

    /// Signs `manifest` both ways: [`Manifest::signature`] over its `sha256`, then
    /// [`Manifest::envelope_signature`] over everything.
    ///
    /// # Errors
    ///
    /// [`ManifestProblem::AmbiguousKey`] when a map in it has keys that differ only in case.
    pub fn sign(&self, manifest: &mut Manifest) -> Result<(), ManifestProblem> {
        manifest.signature = self.sign_sha256(&manifest.sha256);
        manifest.envelope_signature = None;
        let payload = envelope_payload(manifest.to_json().as_bytes())?;
        manifest.envelope_signature = Some(EnvelopeSignature {
            key_id: self.public().id(),
            signature: STANDARD.encode(self.pair.sign(&payload)),
        });
        Ok(())
    }
}

/// What verifies.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", self.to_base64())
    }
}

impl PublicKey {
    /// Reads a public key; white space around it is passed over.
    ///
    /// # Errors
    ///
    /// [`SigningError::Malformed`].
    pub fn from_base64(text: &str) -> Result<PublicKey, SigningError> {
        decode("public key", text).map(PublicKey)
    }

    /// The key as [`PublicKey::from_base64`] reads it.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// How signatures name it: the first 16 hexadecimal digits of its SHA-256.
    pub fn id(&self) -> String {
        let hash = digest::digest(&digest::SHA256, &self.0);
        hash.as_ref()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    fn verifies(&self, message: &[u8], signature: &str) -> bool {
        STANDARD.decode(signature).is_ok_and(|signature| {
            UnparsedPublicKey::new(&ED25519, &self.0)
                .verify(message, &signature)
                .is_ok()
        })
    }
}

fn decode<const LENGTH: usize>(
    what: &'static str,
    text: &str,
) -> Result<[u8; LENGTH], SigningError> {
    let malformed = |reason: String| SigningError::Malformed { what, reason };
    let bytes = STANDARD
        .decode(text.trim())
        .map_err(|_| malformed("it is not base64".to_owned()))?;
    let length = bytes.len();
    bytes
        .try_into()
        .map_err(|_| malformed(format!("it has {length} bytes, and {LENGTH} are a key")))
}

/// Whether one of the public keys made `signature` over the text `sha256`. A text that is
/// no key and a signature that is none verify nothing.
pub fn verify_sha256<K: AsRef<str>>(public_keys: &[K], sha256: &str, signature: &str) -> bool {
    public_keys
        .iter()
        .filter_map(|key| PublicKey::from_base64(key.as_ref()).ok())
        .any(|key| key.verifies(sha256.as_bytes(), signature))
}

/// What the signature over a whole `plugin.json` is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeVerdict {
    /// There is none.
    Absent,
    /// One of the keys made it over exactly this file.
    Trusted {
        /// The key that did.
        key: PublicKey,
    },
    /// It names a key that is none of those given.
    UnknownKey {
        /// The name.
        key_id: String,
    },
    /// It names one of the keys, which did not make it over this file.
    Invalid {
        /// The name.
        key_id: String,
    },
}

/// Verifies the signature over a whole `plugin.json`. Give it the file's own bytes: a
/// manifest that was read and printed again has lost keys that the signature covers.
///
/// # Errors
///
/// [`ManifestProblem`] when the file cannot be read without ambiguity.
pub fn verify_envelope(
    file: &[u8],
    public_keys: &[PublicKey],
) -> Result<EnvelopeVerdict, ManifestProblem> {
    let manifest = Manifest::parse(file)?;
    let Some(signed) = manifest.envelope_signature else {
        return Ok(EnvelopeVerdict::Absent);
    };
    let payload = envelope_payload(file)?;
    let key_id = signed.key_id;
    let mut named = public_keys.iter().filter(|key| key.id() == key_id);
    Ok(match named.next() {
        None => EnvelopeVerdict::UnknownKey { key_id },
        Some(key) if key.verifies(&payload, &signed.signature) => {
            EnvelopeVerdict::Trusted { key: *key }
        }
        Some(_) => EnvelopeVerdict::Invalid { key_id },
    })
}
