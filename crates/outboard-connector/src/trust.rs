//! Which signatures are asked for, whose are trusted, and what is revoked.
//!
//! Keys and policy come from four places. Keys add up; a later policy wins over an
//! earlier one, except that the environment only ever tightens what was configured.
//!
//! | place | keys | policy |
//! |---|---|---|
//! | the build | `OUTBOARD_TRUSTED_KEYS`, comma list | `OUTBOARD_REQUIRE_SIGNATURE` |
//! | the operator's settings | | a [`SignaturePolicy`] |
//! | the directory of keys | `*.pub`, a key a line; `revoked` | |
//! | the environment | `WICK_PLUGIN_PUBKEY`, comma list | `WICK_PLUGIN_REQUIRE_SIGNATURE` |
//! | the caller | [`Trust::trust_key`], [`Trust::revoke`] | [`Trust::set_policy`] |
//!
//! The file `revoked` has a key id or the SHA-256 of a program on each line; a `#` begins
//! a comment. What is revoked is refused under every policy.
//!
//! ```
//! use outboard_connector::{package::Origin, trust::{SignaturePolicy, Trust}};
//!
//! let trust = Trust::new();
//! assert_eq!(trust.policy(Origin::Elsewhere), SignaturePolicy::Signed);
//! assert_eq!(trust.policy(Origin::LocalDirectory), SignaturePolicy::UnsignedOk);
//! ```

use std::{
    collections::BTreeSet,
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use outboard_contracts::connector::signing::PublicKey;

use crate::package::{Origin, files};

/// The most bytes of one file of keys that are read: 64 KiB.
const MAX_FILE_BYTES: usize = 64 * 1024;

/// The most files of keys in one directory.
const MAX_FILES: usize = 256;

/// How much must be signed, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SignaturePolicy {
    /// Nothing has to be. A signature that is there must still be a trusted key's, as soon
    /// as there are trusted keys.
    UnsignedOk,
    /// The program has to be, as the original signs it, or the whole `plugin.json`.
    Signed,
    /// The whole `plugin.json` has to be, and with it the program.
    SignedEnvelope,
}

impl SignaturePolicy {
    /// The word for it in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            SignaturePolicy::UnsignedOk => "unsigned-ok",
            SignaturePolicy::Signed => "signed",
            SignaturePolicy::SignedEnvelope => "signed-envelope",
        }
    }
}

impl fmt::Display for SignaturePolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for SignaturePolicy {
    type Err = TrustError;

    fn from_str(word: &str) -> Result<SignaturePolicy, TrustError> {
        match word {
            "unsigned-ok" => Ok(SignaturePolicy::UnsignedOk),
            "signed" => Ok(SignaturePolicy::Signed),
            "signed-envelope" => Ok(SignaturePolicy::SignedEnvelope),
            _ => Err(TrustError::Policy {
                from: "the signature policy".to_owned(),
                word: shortened(word),
            }),
        }
    }
}

/// Settings of trust that cannot be read. All of them stop the host: to go on without a
/// key or a revocation that an operator wrote down would be to trust more, or to trust
/// less, than was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// A text that is no public key.
    #[error("{from} has a text that is no public key: {reason}; a key is 32 bytes in base64")]
    Key {
        /// Where it stands.
        from: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A text that is neither a key's id nor a SHA-256.
    #[error(
        "{from} has {text:?}, which is neither a key id (16 hexadecimal digits) nor the SHA-256 \
         of a program (64)"
    )]
    Revocation {
        /// Where it stands.
        from: String,
        /// Its beginning.
        text: String,
    },
    /// A word that is no policy.
    #[error("{from} is {word:?}, and it must be one of unsigned-ok, signed and signed-envelope")]
    Policy {
        /// Where it stands.
        from: String,
        /// Its beginning.
        word: String,
    },
    /// A word that is neither yes nor no.
    #[error("{from} is {word:?}, and it must be one of 1, true, 0 and false")]
    Switch {
        /// Where it stands.
        from: String,
        /// Its beginning.
        word: String,
    },
    /// A file of keys cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// The file or the directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Anyone on this machine may write a file of keys.
    #[error(
        "anyone on this machine may write {path}, so anyone could be trusted; take the right away",
        path = path.display()
    )]
    WritableByOthers {
        /// The file or the directory.
        path: PathBuf,
    },
    /// More files of keys than anyone needs.
    #[error("{path} has more than {MAX_FILES} files of keys", path = path.display())]
    TooManyFiles {
        /// The directory.
        path: PathBuf,
    },
}

/// A key that somebody trusted, and where that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// The key.
    pub key: PublicKey,
    /// Where it stands: a file, a variable, or what the program was built with.
    pub from: String,
    /// What stands behind it in its line.
    pub comment: String,
}

/// Whose signatures count, and how much has to be signed.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    keys: Vec<KnownKey>,
    revoked_keys: BTreeSet<String>,
    revoked_programs: BTreeSet<String>,
    policy: Option<SignaturePolicy>,
}

impl Trust {
    /// Trust in nobody, with the default policy: signed, unless it comes from a local
    /// directory.
    pub fn new() -> Trust {
        Trust::default()
    }

    /// Trust as this program was built, as the operator configured it, as the files in
    /// `keys_directory` say (one that does not exist says nothing) and as the environment
    /// says. `environment` looks a variable up; give it `|name| std::env::var(name).ok()`.
    ///
    /// `WICK_PLUGIN_REQUIRE_SIGNATURE` of 1 or true asks for [`SignaturePolicy::Signed`] at
    /// least; 0 or false means [`SignaturePolicy::UnsignedOk`] where neither the build nor
    /// `configured` sets a policy, and nothing where one does.
    ///
    /// # Errors
    ///
    /// [`TrustError`] for the first setting that cannot be read.
    pub fn load(
        keys_directory: &Path,
        configured: Option<SignaturePolicy>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Trust, TrustError> {
        let built = Built {
            keys: option_env!("OUTBOARD_TRUSTED_KEYS"),
            policy: option_env!("OUTBOARD_REQUIRE_SIGNATURE"),
        };
        Trust::from_places(&built, keys_directory, configured, environment)
    }

    fn from_places(
        built: &Built,
        keys_directory: &Path,
        configured: Option<SignaturePolicy>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Trust, TrustError> {
        let mut trust = Trust::new();
        trust.add_list("OUTBOARD_TRUSTED_KEYS", built.keys.unwrap_or_default())?;
        trust.policy = match built.policy.map(str::trim) {
            None | Some("") => None,
            Some("1" | "true") => Some(SignaturePolicy::Signed),
            Some("0" | "false") => Some(SignaturePolicy::UnsignedOk),
            Some(word) => Some(word.parse().map_err(|_| TrustError::Policy {
                from: "OUTBOARD_REQUIRE_SIGNATURE".to_owned(),
                word: shortened(word),
            })?),
        };
        trust.policy = configured.or(trust.policy);
        trust.add_directory(keys_directory)?;
        let listed = environment("WICK_PLUGIN_PUBKEY").unwrap_or_default();
        trust.add_list("WICK_PLUGIN_PUBKEY", &listed)?;
        match environment("WICK_PLUGIN_REQUIRE_SIGNATURE").as_deref() {
            None | Some("") => {}
            Some("1" | "true") => {
                trust.policy = trust.policy.max(Some(SignaturePolicy::Signed));
            }
            Some("0" | "false") => match trust.policy {
                None => trust.policy = Some(SignaturePolicy::UnsignedOk),
                Some(SignaturePolicy::UnsignedOk) => {}
                Some(policy) => tracing::warn!(
                    %policy,
                    "WICK_PLUGIN_REQUIRE_SIGNATURE asks for less than is configured, and is passed over"
                ),
            },
            Some(word) => {
                return Err(TrustError::Switch {
                    from: "WICK_PLUGIN_REQUIRE_SIGNATURE".to_owned(),
                    word: shortened(word),
                });
            }
        }
        Ok(trust)
    }

    fn add_list(&mut self, from: &str, list: &str) -> Result<(), TrustError> {
        for text in list.split(',').map(str::trim) {
            if !text.is_empty() {
                let key = public_key(from, text)?;
                self.know(key, from, "");
            }
        }
        Ok(())
    }

    fn add_directory(&mut self, directory: &Path) -> Result<(), TrustError> {
        let read_error = |source| TrustError::Read {
            path: directory.to_owned(),
            source,
        };
        let listing = match std::fs::read_dir(directory) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(read_error(error)),
        };
        refuse_writable(
            directory,
            &std::fs::metadata(directory).map_err(read_error)?,
        )?;
        let mut paths = Vec::new();
        for entry in listing {
            let path = entry.map_err(read_error)?.path();
            let is_keys = path.extension().is_some_and(|extension| extension == "pub");
            if is_keys || path.file_name().is_some_and(|name| name == "revoked") {
                paths.push(path);
            }
            if paths.len() > MAX_FILES {
                return Err(TrustError::TooManyFiles {
                    path: directory.to_owned(),
                });
            }
        }
        paths.sort();
        for path in paths {
            self.add_file(&path)?;
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path) -> Result<(), TrustError> {
        let read_error = |source| TrustError::Read {
            path: path.to_owned(),
            source,
        };
        // Keys may be links, as secrets mounted into a container are.
        let real = std::fs::canonicalize(path).map_err(read_error)?;
        let file = files::open_regular(&real).map_err(read_error)?;
        refuse_writable(path, &file.metadata().map_err(read_error)?)?;
        let bytes = files::read_all(file, MAX_FILE_BYTES).map_err(read_error)?;
        let text = String::from_utf8(bytes)
            .map_err(|error| read_error(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        let from = path.display().to_string();
        for line in text.lines() {
            let (line, comment) = line.split_once('#').unwrap_or((line, ""));
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            if path.extension().is_some_and(|extension| extension == "pub") {
                let key = public_key(&from, line)?;
                self.know(key, &from, comment.trim());
            } else {
                self.revoke_from(&from, line)?;
            }
        }
        Ok(())
    }

    /// Trusts the signatures of `key`.
    pub fn trust_key(&mut self, key: PublicKey) {
        self.know(key, "the program", "");
    }

    fn know(&mut self, key: PublicKey, from: &str, comment: &str) {
        if !self.keys.iter().any(|known| known.key == key) {
            self.keys.push(KnownKey {
                key,
                from: from.to_owned(),
                comment: comment.to_owned(),
            });
        }
    }

    /// Every key that was trusted, also revoked ones, in the order of the places.
    pub fn known_keys(&self) -> &[KnownKey] {
        &self.keys
    }

    /// The ids of revoked keys and the SHA-256 of revoked programs.
    pub fn revoked(&self) -> impl Iterator<Item = &str> {
        let all = self.revoked_keys.iter().chain(&self.revoked_programs);
        all.map(String::as_str)
    }

    /// Revokes a key by its id, or one program by its SHA-256. It stays revoked, also when
    /// the key is trusted later.
    ///
    /// # Errors
    ///
    /// [`TrustError::Revocation`] when it is neither.
    pub fn revoke(&mut self, id: &str) -> Result<(), TrustError> {
        self.revoke_from("the revocation", id)
    }

    fn revoke_from(&mut self, from: &str, id: &str) -> Result<(), TrustError> {
        let id = id.trim().to_ascii_lowercase();
        let digits = id.bytes().all(|byte| byte.is_ascii_hexdigit());
        match id.len() {
            16 if digits => self.revoked_keys.insert(id),
            64 if digits => self.revoked_programs.insert(id),
            _ => {
                return Err(TrustError::Revocation {
                    from: from.to_owned(),
                    text: shortened(&id),
                });
            }
        };
        Ok(())
    }

    /// Sets the policy, whatever the other places say.
    pub fn set_policy(&mut self, policy: SignaturePolicy) {
        self.policy = Some(policy);
    }

    /// The policy for a package from `origin`.
    pub fn policy(&self, origin: Origin) -> SignaturePolicy {
        self.policy.unwrap_or(match origin {
            Origin::LocalDirectory => SignaturePolicy::UnsignedOk,
            Origin::Elsewhere => SignaturePolicy::Signed,
        })
    }

    /// The policy that somebody set; none when the default applies.
    pub fn explicit_policy(&self) -> Option<SignaturePolicy> {
        self.policy
    }

    /// The keys that are trusted and not revoked.
    pub fn keys(&self) -> Vec<PublicKey> {
        let trusted = |key: &PublicKey| !self.revoked_keys.contains(&key.id());
        let keys = self.keys.iter().map(|known| known.key);
        keys.filter(trusted).collect()
    }

    /// The keys that were trusted and are revoked.
    pub(crate) fn former_keys(&self) -> Vec<PublicKey> {
        let revoked = |key: &PublicKey| self.revoked_keys.contains(&key.id());
        let keys = self.keys.iter().map(|known| known.key);
        keys.filter(revoked).collect()
    }

    /// Whether the key of that id is revoked.
    pub fn is_revoked_key(&self, key_id: &str) -> bool {
        self.revoked_keys.contains(&key_id.to_ascii_lowercase())
    }

    /// Whether the program of that SHA-256 is revoked.
    pub fn is_revoked_program(&self, sha256: &str) -> bool {
        self.revoked_programs.contains(&sha256.to_ascii_lowercase())
    }
}

/// What this program was built with.
struct Built {
    keys: Option<&'static str>,
    policy: Option<&'static str>,
}

fn public_key(from: &str, text: &str) -> Result<PublicKey, TrustError> {
    PublicKey::from_base64(text).map_err(|error| TrustError::Key {
        from: from.to_owned(),
        reason: error.to_string(),
    })
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(unix)]
fn refuse_writable(path: &Path, metadata: &std::fs::Metadata) -> Result<(), TrustError> {
    use std::os::unix::fs::MetadataExt as _;
    if metadata.mode() & 0o002 != 0 {
        return Err(TrustError::WritableByOthers {
            path: path.to_owned(),
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_writable(_: &Path, _: &std::fs::Metadata) -> Result<(), TrustError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use outboard_contracts::connector::signing::PrivateKey;

    use super::*;

    const NOT_BUILT_IN: Built = Built {
        keys: None,
        policy: None,
    };

    fn load(
        built: &Built,
        configured: Option<SignaturePolicy>,
        variables: &[(&str, &str)],
    ) -> Result<Trust, TrustError> {
        let environment = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Trust::from_places(built, Path::new("/nonexistent"), configured, &environment)
    }

    #[test]
    fn the_environment_tightens_a_policy_that_was_set_and_never_loosens_it() {
        use SignaturePolicy::{Signed, SignedEnvelope, UnsignedOk};
        let switch = "WICK_PLUGIN_REQUIRE_SIGNATURE";
        for (configured, value, expected) in [
            (None, "1", Some(Signed)),
            (None, "true", Some(Signed)),
            (None, "0", Some(UnsignedOk)),
            (None, "false", Some(UnsignedOk)),
            (None, "", None),
            (Some(UnsignedOk), "1", Some(Signed)),
            (Some(Signed), "0", Some(Signed)),
            (Some(SignedEnvelope), "1", Some(SignedEnvelope)),
            (Some(SignedEnvelope), "0", Some(SignedEnvelope)),
        ] {
            let trust = load(&NOT_BUILT_IN, configured, &[(switch, value)]).unwrap();
            assert_eq!(
                trust.explicit_policy(),
                expected,
                "{configured:?} {value:?}"
            );
        }
        let built = Built {
            keys: None,
            policy: Some("1"),
        };
        let trust = load(&built, None, &[(switch, "0")]).unwrap();
        assert_eq!(trust.explicit_policy(), Some(Signed));
        assert!(matches!(
            load(&NOT_BUILT_IN, None, &[(switch, "yes")]),
            Err(TrustError::Switch { .. })
        ));
    }

    #[test]
    fn keys_of_all_places_add_up_and_one_that_cannot_be_read_is_an_error() {
        let (one, two) = (
            PrivateKey::generate().unwrap().public(),
            PrivateKey::generate().unwrap().public(),
        );
        let list = format!("{}, {},", one.to_base64(), two.to_base64());
        let trust = load(&NOT_BUILT_IN, None, &[("WICK_PLUGIN_PUBKEY", &list)]).unwrap();
        assert_eq!(trust.keys(), [one, two]);
        assert!(matches!(
            load(&NOT_BUILT_IN, None, &[("WICK_PLUGIN_PUBKEY", "not base64")]),
            Err(TrustError::Key { .. })
        ));

        let directory = tempfile::tempdir().unwrap();
        let with_comment = format!("# the team's\n{} # of ada\n", one.to_base64());
        std::fs::write(directory.path().join("team.pub"), with_comment).unwrap();
        std::fs::write(directory.path().join("private.key"), "passed over").unwrap();
        let sha256 = "AB".repeat(32);
        let revoked = format!("{}  # lost\n{sha256}\n", two.id());
        std::fs::write(directory.path().join("revoked"), revoked).unwrap();
        let in_variable = |name: &str| (name == "WICK_PLUGIN_PUBKEY").then(|| two.to_base64());
        let trust =
            Trust::from_places(&NOT_BUILT_IN, directory.path(), None, &in_variable).unwrap();
        assert_eq!(trust.keys(), [one], "a revoked key is trusted nowhere");
        let file = directory.path().join("team.pub").display().to_string();
        let known = |key, from: &str, comment: &str| KnownKey {
            key,
            from: from.to_owned(),
            comment: comment.to_owned(),
        };
        assert_eq!(
            trust.known_keys(),
            [
                known(one, &file, "of ada"),
                known(two, "WICK_PLUGIN_PUBKEY", "")
            ]
        );
        assert_eq!(
            trust.revoked().collect::<Vec<_>>(),
            [two.id(), sha256.to_lowercase()]
        );
        assert_eq!(trust.former_keys(), [two]);
        assert!(trust.is_revoked_key(&two.id()));
        assert!(trust.is_revoked_program(&sha256.to_lowercase()));

        std::fs::write(directory.path().join("revoked"), "something\n").unwrap();
        assert!(matches!(
            Trust::from_places(&NOT_BUILT_IN, directory.path(), None, &in_variable),
            Err(TrustError::Revocation { .. })
        ));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_keys_that_anyone_may_write_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("team.pub");
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(matches!(
            Trust::from_places(&NOT_BUILT_IN, directory.path(), None, &|_| None),
            Err(TrustError::WritableByOthers { .. })
        ));
    }

    #[test]
    fn a_policy_reads_as_the_word_that_it_prints() {
        for policy in [
            SignaturePolicy::UnsignedOk,
            SignaturePolicy::Signed,
            SignaturePolicy::SignedEnvelope,
        ] {
            assert_eq!(policy.as_str().parse::<SignaturePolicy>().unwrap(), policy);
        }
        assert!("Signed".parse::<SignaturePolicy>().is_err());
    }
}
