//! Values that are encrypted at rest, and texts that must not show them.
//!
//! A value is sealed with AES-256-GCM under a [`SecretKey`] and bound to its place, so that
//! a sealed value copied to another instance or field cannot be opened there:
//!
//! ```text
//! v1:3f2a9c01d4e5b677:qnJ3…==
//! │  │                └ base64: 12 bytes of nonce, the encrypted text, 16 bytes of tag
//! │  └ which key: the first 8 bytes of a hash of it, in hex
//! └ the form
//! ```
//!
//! [`Secrets`] writes with one key and reads with several, so a key can be replaced while
//! values of the former one remain. A [`Masker`] takes the secrets of a call out of texts
//! that go to logs, errors and the history.
//!
//! ```
//! use outboard_connector::secrets::{Place, SecretKey, Secrets};
//!
//! let secrets = Secrets::new(SecretKey::generate()?);
//! let place = Place::new("instance", "1f0c", "api_key");
//! let sealed = secrets.seal(&place, "hunter2")?;
//! assert!(!sealed.contains("hunter2"));
//! assert_eq!(secrets.open(&place, &sealed)?.expose(), "hunter2");
//! assert!(secrets.open(&Place::new("instance", "1f0c", "other"), &sealed).is_err());
//! # Ok::<(), outboard_connector::secrets::SecretError>(())
//! ```

mod key;
mod masker;

use std::{fmt, path::PathBuf, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    aead::{Aad, NONCE_LEN, Nonce},
    rand::{SecureRandom as _, SystemRandom},
};

pub use key::SecretKey;
pub(crate) use masker::is_secret;
pub use masker::{MASK, Masker};

/// What stands before every sealed value.
const FORM: &str = "v1";

/// The longest text that [`Secrets::seal`] takes, in bytes: 1 MiB.
pub const MAX_SECRET_BYTES: usize = 1024 * 1024;

/// A text that debug output never shows. There is no `Display`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// The text itself, for the place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text itself, by value.
    pub fn into_exposed(self) -> String {
        self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> SecretText {
        SecretText(text)
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> SecretText {
        SecretText(text.to_owned())
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

/// Why a secret cannot be kept or read. None of the texts holds a secret or a key.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// A text that is no key.
    #[error(
        "the secret key cannot be read: {reason}; it is 32 bytes in base64, and `openssl rand -base64 32` makes one"
    )]
    MalformedKey {
        /// What is wrong. Never the text.
        reason: String,
    },
    /// A key file that others than its owner may read or change.
    #[error("the key file {} can be read or changed by others (mode {mode:03o}): `chmod 600` it, and replace the key if somebody may have read it", path.display())]
    KeyFileOpen {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A key file that belongs to somebody else.
    #[error("the key file {} belongs to user {owner}, who can read it: make it your own", path.display())]
    KeyFileForeign {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// A key file that cannot be read or made.
    #[error("the key file {} cannot be {doing}: {reason}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What was tried: `read` or `made`.
        doing: &'static str,
        /// Why not.
        reason: String,
    },
    /// A value that was sealed with a key that is not at hand.
    #[error("the value was encrypted with the key {key_id}, and the keys at hand are {}: give that key as well, after the present one, or enter the value again", known.join(", "))]
    UnknownKey {
        /// The key that is missing.
        key_id: String,
        /// The ids of the keys that are there.
        known: Vec<String>,
    },
    /// A value that was changed, or that belongs elsewhere.
    #[error(
        "the value was changed since it was encrypted, or belongs to another field: enter it again"
    )]
    Tampered,
    /// Not a sealed value at all.
    #[error("this is no encrypted value: {reason}")]
    MalformedValue {
        /// What is wrong.
        reason: &'static str,
    },
    /// A text longer than [`MAX_SECRET_BYTES`].
    #[error("a secret may have {MAX_SECRET_BYTES} bytes, and this one has {bytes}")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandomness,
}

/// Where a sealed value belongs. It opens there and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    kind: &'a str,
    owner: &'a str,
    field: &'a str,
}

impl<'a> Place<'a> {
    /// The field `field` of `owner`, which is an id, among things of that `kind`.
    pub fn new(kind: &'a str, owner: &'a str, field: &'a str) -> Place<'a> {
        Place { kind, owner, field }
    }

    /// Lengths stand before the parts: no two places have the same bytes.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [FORM, self.kind, self.owner, self.field] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes
    }
}

/// The keys: one that writes, and those that values may still be sealed with.
///
/// Cloning is cheap. Debug output shows the keys' ids alone.
#[derive(Clone)]
pub struct Secrets {
    /// The first writes. Never empty.
    keys: Arc<[SecretKey]>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Secrets")
            .field(&self.key_ids())
            .finish()
    }
}

impl Secrets {
    /// One key for everything.
    pub fn new(key: SecretKey) -> Secrets {
        Secrets {
            keys: Arc::new([key]),
        }
    }

    /// Reads keys, separated by commas or line ends: the first writes, the others only
    /// read. It is the form of `OUTBOARD_SECRET_KEY` and of the key file.
    ///
    /// # Errors
    ///
    /// [`SecretError::MalformedKey`], also when there is none.
    pub fn from_base64(text: &str) -> Result<Secrets, SecretError> {
        let keys = key::read_list(text)?;
        Ok(Secrets { keys: keys.into() })
    }

    /// Reads the keys of a file, which is made with a new key if it is not there; see
    /// [`SecretKey::load_or_create`] for the rules.
    ///
    /// # Errors
    ///
    /// As [`SecretKey::load_or_create`].
    pub fn load_or_create(path: &std::path::Path) -> Result<Secrets, SecretError> {
        Ok(Secrets {
            keys: key::load_or_create(path)?.into(),
        })
    }

    /// Puts a new key before those in a key file, at once and durably, and returns them
    /// all. Values sealed before can still be read; `State::rotate` seals them anew, and
    /// then [`Secrets::retire_former`] takes the old keys out of the file.
    ///
    /// # Errors
    ///
    /// As [`SecretKey::load_or_create`].
    pub fn rotate_file(path: &std::path::Path) -> Result<Secrets, SecretError> {
        key::load_or_create(path)?;
        let _turn = key::lock(path)?;
        let mut keys = key::load_or_create(path)?;
        keys.insert(0, SecretKey::generate()?);
        key::replace_file(path, &keys)?;
        Ok(Secrets { keys: keys.into() })
    }

    /// Takes all keys but the first out of a key file. What is still sealed with one of
    /// them cannot be read any more.
    ///
    /// # Errors
    ///
    /// As [`SecretKey::load_or_create`].
    pub fn retire_former(path: &std::path::Path) -> Result<Secrets, SecretError> {
        let _turn = key::lock(path)?;
        let mut keys = key::load_or_create(path)?;
        keys.truncate(1);
        key::replace_file(path, &keys)?;
        Ok(Secrets { keys: keys.into() })
    }

    /// The same keys behind a new one, which writes from now on.
    #[must_use]
    pub fn rotated(&self, key: SecretKey) -> Secrets {
        let keys: Vec<SecretKey> = std::iter::once(key)
            .chain(self.keys.iter().cloned())
            .collect();
        Secrets { keys: keys.into() }
    }

    /// The ids of the keys, the writing one first. An id tells nothing about its key.
    pub fn key_ids(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.id().to_owned()).collect()
    }

    /// Encrypts `text` for `place`. The same text never looks the same twice.
    ///
    /// # Errors
    ///
    /// [`SecretError::TooLong`], [`SecretError::NoRandomness`].
    pub fn seal(&self, place: &Place<'_>, text: &str) -> Result<String, SecretError> {
        if text.len() > MAX_SECRET_BYTES {
            return Err(SecretError::TooLong { bytes: text.len() });
        }
        let key = &self.keys[0];
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| SecretError::NoRandomness)?;
        let mut encrypted = text.as_bytes().to_vec();
        key.cipher()
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.bytes()),
                &mut encrypted,
            )
            // Only for more than the 64 GiB that one nonce is good for.
            .map_err(|_| SecretError::TooLong { bytes: text.len() })?;
        let mut bytes = nonce.to_vec();
        bytes.append(&mut encrypted);
        Ok(format!("{FORM}:{}:{}", key.id(), STANDARD.encode(bytes)))
    }

    /// Decrypts what [`Secrets::seal`] made for the same `place`.
    ///
    /// # Errors
    ///
    /// [`SecretError::UnknownKey`] when its key is not at hand, [`SecretError::Tampered`]
    /// when it does not open, [`SecretError::MalformedValue`] when it is something else.
    pub fn open(&self, place: &Place<'_>, sealed: &str) -> Result<SecretText, SecretError> {
        let malformed = |reason| SecretError::MalformedValue { reason };
        let (key_id, encoded) =
            parts(sealed).ok_or_else(|| malformed("its form is not v1:KEY:BASE64"))?;
        if encoded.len() > MAX_SECRET_BYTES / 3 * 4 + 64 {
            return Err(malformed("it is too long"));
        }
        let Some(key) = self.keys.iter().find(|key| key.id() == key_id) else {
            return Err(SecretError::UnknownKey {
                // It comes from a file that anyone may have written.
                key_id: key_id
                    .chars()
                    .take(32)
                    .filter(char::is_ascii_graphic)
                    .collect(),
                known: self.key_ids(),
            });
        };
        let bytes = STANDARD
            .decode(encoded)
            .map_err(|_| malformed("its last part is not base64"))?;
        let Some((nonce, encrypted)) = bytes.split_first_chunk::<NONCE_LEN>() else {
            return Err(malformed("it is too short"));
        };
        let mut encrypted = encrypted.to_vec();
        let text = key
            .cipher()
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(place.bytes()),
                &mut encrypted,
            )
            .map_err(|_| SecretError::Tampered)?;
        let text = std::str::from_utf8(text).map_err(|_| SecretError::Tampered)?;
        Ok(SecretText(text.to_owned()))
    }

    /// Whether `sealed` is under the key that writes now.
    pub fn is_current(&self, sealed: &str) -> bool {
        parts(sealed).is_some_and(|(key_id, _)| key_id == self.keys[0].id())
    }
}

fn parts(sealed: &str) -> Option<(&str, &str)> {
    sealed
        .strip_prefix(FORM)?
        .strip_prefix(':')?
        .split_once(':')
}

#[cfg(test)]
mod tests;
