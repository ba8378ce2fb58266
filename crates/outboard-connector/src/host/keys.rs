//! Whose signatures count here, to look at and to change.
//!
//! ```text
//! DATA/keys/7f3a….pub
//!   lRZ0…=  # the team's releases
//! ```

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use outboard_contracts::connector::signing::PublicKey;
use serde::{Deserialize, Serialize};

use super::{
    ConnectorHost, blocking,
    error::{HostError, HostErrorKind},
};
use crate::{package::Origin, trust::KnownKey};

/// The longest name of a key, in characters.
const MAX_NAME: usize = 80;

/// Whose signatures count, and how much must be signed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrustedKeys {
    /// The keys that somebody trusted, in the order in which they were found.
    pub keys: Vec<TrustedKey>,
    /// Ids of keys and SHA-256 of programs that are refused whatever signed them.
    pub revoked: Vec<String>,
    /// How much must be signed of what comes from elsewhere: `unsigned-ok`, `signed` or
    /// `signed-envelope`.
    pub policy: String,
    /// The same for what comes from a directory of this machine.
    pub policy_for_directories: String,
    /// Whether somebody chose the policy, or it is the default.
    pub chosen: bool,
    /// The directory that the files of keys are in.
    pub directory: String,
}

/// A key that is trusted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrustedKey {
    /// What signatures call it.
    pub id: String,
    /// The key itself, in base64.
    pub public_key: String,
    /// What its owner is called here; empty if nobody said.
    pub name: String,
    /// Where it stands: a file, a variable, or what the program was built with.
    pub from: String,
    /// Whether it is revoked all the same, and counts for nothing.
    pub revoked: bool,
    /// Whether it can be removed here: it has a file for itself in the directory of keys.
    pub removable: bool,
}

impl ConnectorHost {
    /// Whose signatures count.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::InvalidInput`] when a place of keys cannot be read.
    pub async fn trusted_keys(&self) -> Result<TrustedKeys, HostError> {
        let host = self.clone();
        blocking(move || {
            let trust = host.trust()?;
            let directory = host.inner.config.keys_dir();
            let in_file = |from: &str| {
                let known = trust.known_keys().iter();
                known.filter(|known| known.from == from).count()
            };
            let key = |known: &KnownKey| {
                let id = known.key.id();
                TrustedKey {
                    revoked: trust.is_revoked_key(&id),
                    removable: Path::new(&known.from) == own_file(&directory, &id)
                        && in_file(&known.from) == 1,
                    public_key: known.key.to_base64(),
                    name: known.comment.clone(),
                    from: known.from.clone(),
                    id,
                }
            };
            Ok(TrustedKeys {
                keys: trust.known_keys().iter().map(key).collect(),
                revoked: trust.revoked().map(str::to_owned).collect(),
                policy: trust.policy(Origin::Elsewhere).to_string(),
                policy_for_directories: trust.policy(Origin::LocalDirectory).to_string(),
                chosen: trust.explicit_policy().is_some(),
                directory: directory.display().to_string(),
            })
        })
        .await
    }

    /// Trusts a public key from now on, in base64, and says its id. What is installed is
    /// judged anew.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::InvalidInput`] for what is no key and for a name that cannot stand in
    /// a file; [`HostErrorKind::Conflict`] when it is trusted already.
    pub async fn trust_key(&self, public_key: &str, name: &str) -> Result<String, HostError> {
        let invalid = |message: String| HostError::new(HostErrorKind::InvalidInput, message);
        let key = PublicKey::from_base64(public_key.trim()).map_err(|error| {
            invalid(format!("this is no public key: {error}"))
                .hint("it is one line of 44 characters; `outboard connector keygen` writes one into NAME.pub")
        })?;
        let name = name.trim().to_owned();
        if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            let message = format!("a key's name has at most {MAX_NAME} characters, in one line");
            return Err(invalid(message));
        }
        let id = key.id();
        let known = self.trusted_keys().await?;
        if let Some(known) = known.keys.iter().find(|known| known.id == id) {
            let message = format!("the key {id} is trusted already, by {}", known.from);
            return Err(HostError::new(HostErrorKind::Conflict, message));
        }
        let directory = self.inner.config.keys_dir();
        let path = own_file(&directory, &id);
        let text = match name.as_str() {
            "" => format!("{}\n", key.to_base64()),
            name => format!("{}  # {name}\n", key.to_base64()),
        };
        blocking(move || {
            write_new(&directory, &path, &text).map_err(|error| {
                let message = format!("cannot write {}: {error}", path.display());
                HostError::new(HostErrorKind::State, message)
            })
        })
        .await?;
        self.reload().await?;
        Ok(id)
    }

    /// Trusts a key no more, and gives what it was. What it alone had signed may not run any
    /// more, if the policy asks for signatures.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::NotFound`]; [`HostErrorKind::Conflict`] for a key that does not have
    /// a file of its own in the directory of keys.
    pub async fn distrust_key(&self, id: &str) -> Result<TrustedKey, HostError> {
        let known = self.trusted_keys().await?;
        let key = known.keys.into_iter().find(|key| key.id == id);
        let key = key.ok_or_else(|| {
            let shown: String = id.chars().take(MAX_NAME).collect();
            HostError::new(
                HostErrorKind::NotFound,
                format!("no key {shown:?} is trusted"),
            )
        })?;
        if !key.removable {
            let message = format!("the key {id} stands in {}", key.from);
            let error = HostError::new(HostErrorKind::Conflict, message);
            return Err(error.hint("take it out there, or put its id into keys/revoked"));
        }
        let path = own_file(&self.inner.config.keys_dir(), &key.id);
        blocking(move || {
            fs::remove_file(&path).map_err(|error| {
                let message = format!("cannot remove {}: {error}", path.display());
                HostError::new(HostErrorKind::State, message)
            })
        })
        .await?;
        self.reload().await?;
        Ok(key)
    }
}

/// The file that a key has for itself, named by its id.
fn own_file(directory: &Path, id: &str) -> PathBuf {
    directory.join(format!("{id}.pub"))
}

/// The file is there whole or not at all.
fn write_new(directory: &Path, path: &Path, text: &str) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}
