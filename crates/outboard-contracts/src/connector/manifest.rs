//! `plugin.json` of a connector: the module, and what a host needs to verify and start it.
//!
//! ```
//! use outboard_contracts::connector::{Kind, Manifest};
//!
//! let text = r#"{"schema_version":1,"version":"0.1.0","proto_version":1,"entry":"httpbin",
//!   "os_arch":["linux/amd64"],"sha256":"","signature":"","module":{"Meta":{"Key":"httpbin"}}}"#;
//! let manifest = Manifest::parse(text.as_bytes()).unwrap();
//! assert_eq!((manifest.key(), manifest.kind()), ("httpbin", Kind::Connector));
//! ```

use std::fmt;

use serde_json::Value;

use super::{KeyError, Module, go_json::go_struct, validate_key};
use crate::version::{self, Version, VersionError};

/// The version of the envelope that is written.
pub const MANIFEST_SCHEMA_VERSION: i64 = 1;

/// The largest `plugin.json` that is read: 4 MiB.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// The file's name in a package and in an installed directory.
pub const FILE_NAME: &str = "plugin.json";

/// What a package holds. All kinds speak the same contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// Wraps an external service.
    #[default]
    Connector,
    /// A tool: operations that need no service.
    Tool,
    /// A job: operations that are run, not answered.
    Job,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 3] = [Kind::Connector, Kind::Tool, Kind::Job];

    /// The word for it in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Connector => "connector",
            Kind::Tool => "tool",
            Kind::Job => "job",
        }
    }

    /// The kind of that word, exactly.
    pub fn named(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The kind that a reader takes `word` for: what is empty or unknown is a connector.
    /// [`Manifest::check`] refuses the unknown.
    pub fn normalize(word: &str) -> Kind {
        Kind::named(word).unwrap_or_default()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

go_struct! {
    /// A `plugin.json`: a [`Module`] with what its distribution needs.
    #[derive(Default)]
    pub struct Manifest {
        /// The version of the envelope, [`MANIFEST_SCHEMA_VERSION`].
        pub schema_version: i64 => "schema_version",
        /// The word of its [`Kind`]; empty in files from before there were kinds.
        pub kind_word: String => "kind" omitempty,
        /// The version of the package.
        pub version: String => "version",
        /// The version of the contract that it speaks.
        pub proto_version: i64 => "proto_version",
        /// The name of the program, beside this file.
        pub entry: String => "entry",
        /// What the program runs on, such as `linux/amd64`, in Go's words.
        pub os_arch: Vec<String> => "os_arch" nullable,
        /// The SHA-256 of the program, in 64 hexadecimal digits of lower case.
        pub sha256: String => "sha256",
        /// An Ed25519 signature over the text of `sha256`, in base64; empty: unsigned.
        pub signature: String => "signature",
        /// A signature over this whole file, of ours; the original passes it over.
        pub envelope_signature: Option<EnvelopeSignature> => "envelope_signature" omitempty,
        /// What it is.
        pub module: Module => "module",
    }
}

go_struct! {
    /// A signature over everything in a `plugin.json` but itself.
    #[derive(Default)]
    pub struct EnvelopeSignature {
        /// Which key it was made with: the first 16 hexadecimal digits of the SHA-256 of
        /// the public key's 32 bytes.
        pub key_id: String => "key_id",
        /// The Ed25519 signature, in base64.
        pub signature: String => "signature",
    }
}

impl Manifest {
    /// Reads a `plugin.json`, as leniently as Go does: keys in any case, unknown ones
    /// passed over, `null` for empty. What it says is checked by [`Manifest::check`].
    ///
    /// # Errors
    ///
    /// [`ManifestProblem::TooLarge`] and [`ManifestProblem::NotJson`].
    pub fn parse(bytes: &[u8]) -> Result<Manifest, ManifestProblem> {
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestProblem::TooLarge { bytes: bytes.len() });
        }
        serde_json::from_slice(bytes).map_err(|error| ManifestProblem::NotJson {
            line: error.line(),
            column: error.column(),
            reason: error.to_string(),
        })
    }

    /// The file's text in one line, as `--dump-manifest` prints it.
    pub fn to_json(&self) -> String {
        // Nothing in the type can fail to be JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The file's text, indented, as it is written to disk.
    pub fn to_json_pretty(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The connector's key.
    pub fn key(&self) -> &str {
        &self.module.meta.key
    }

    /// Its kind; an unknown word reads as a connector.
    pub fn kind(&self) -> Kind {
        Kind::normalize(&self.kind_word)
    }

    /// Its version.
    ///
    /// # Errors
    ///
    /// [`VersionError`] when it is no semantic version.
    pub fn version(&self) -> Result<Version, VersionError> {
        version::parse(&self.version)
    }

    /// Whether it says that its program runs on `os_arch`, such as `linux/amd64`.
    pub fn runs_on(&self, os_arch: &str) -> bool {
        self.os_arch.iter().any(|one| one == os_arch)
    }

    /// Checks everything that the file alone tells: what an installer asks before it
    /// looks at the program.
    ///
    /// # Errors
    ///
    /// The first [`ManifestProblem`].
    pub fn check(&self) -> Result<(), ManifestProblem> {
        if self.schema_version != MANIFEST_SCHEMA_VERSION {
            return Err(ManifestProblem::SchemaVersion {
                found: self.schema_version,
            });
        }
        validate_key(self.key()).map_err(ManifestProblem::Key)?;
        if !self.kind_word.is_empty() && Kind::named(&self.kind_word).is_none() {
            return Err(ManifestProblem::UnknownKind {
                word: self.kind_word.clone(),
            });
        }
        self.version().map_err(ManifestProblem::Version)?;
        if !is_file_name(&self.entry) {
            return Err(ManifestProblem::Entry {
                entry: self.entry.clone(),
            });
        }
        if self.os_arch.is_empty() {
            return Err(ManifestProblem::NoPlatform);
        }
        let digits = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if self.sha256.len() != 64 || !self.sha256.bytes().all(digits) {
            return Err(ManifestProblem::Digest);
        }
        self.check_module()
    }

    fn check_module(&self) -> Result<(), ManifestProblem> {
        let mut seen = std::collections::BTreeSet::new();
        for operation in self.module.all_operations() {
            if operation.key.is_empty() {
                return Err(ManifestProblem::OperationWithoutKey);
            }
            if !seen.insert(operation.key.as_str()) {
                return Err(ManifestProblem::DuplicateOperation {
                    key: operation.key.clone(),
                });
            }
            duplicate_field(&operation.input, &operation.key)?;
        }
        if seen.is_empty() {
            return Err(ManifestProblem::NoOperations);
        }
        duplicate_field(&self.module.configs, "the config")
    }
}

fn duplicate_field(fields: &[super::module::Config], of: &str) -> Result<(), ManifestProblem> {
    let mut seen = std::collections::BTreeSet::new();
    match fields.iter().find(|field| !seen.insert(&field.key)) {
        Some(field) => Err(ManifestProblem::DuplicateField {
            of: of.to_owned(),
            key: field.key.clone(),
        }),
        None => Ok(()),
    }
}

/// Whether `name` is that of a file in the same directory: no path, not `.` or `..`, not
/// hidden, no control characters, and not [`FILE_NAME`] itself.
pub fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && !name.starts_with('.')
        && !name.eq_ignore_ascii_case(FILE_NAME)
        && !name.contains(['/', '\\'])
        && !name.chars().any(char::is_control)
}

/// What is wrong with a `plugin.json`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestProblem {
    /// Larger than [`MAX_MANIFEST_BYTES`].
    #[error("it has {bytes} bytes, and {MAX_MANIFEST_BYTES} are allowed")]
    TooLarge {
        /// How many it has.
        bytes: usize,
    },
    /// Not JSON, or a value of the wrong type.
    #[error("it cannot be read: {reason}")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What the reader says.
        reason: String,
    },
    /// A key appears twice, perhaps in different case, so that readers would differ.
    #[error("the key {key:?} appears twice in one object")]
    AmbiguousKey {
        /// The key.
        key: String,
    },
    /// An envelope of another version.
    #[error("its schema_version is {found}, and this host reads {MANIFEST_SCHEMA_VERSION}")]
    SchemaVersion {
        /// The version.
        found: i64,
    },
    /// `module.Meta.Key`.
    #[error("{0}")]
    Key(KeyError),
    /// `kind` is a word that stands for none.
    #[error("its kind {word:?} is none of connector, tool and job")]
    UnknownKind {
        /// The word.
        word: String,
    },
    /// `version` is no version.
    #[error("{0}")]
    Version(VersionError),
    /// `entry` is not the name of a file beside it.
    #[error("its entry {entry:?} is not the name of a file beside it")]
    Entry {
        /// The entry.
        entry: String,
    },
    /// `os_arch` is empty.
    #[error("its os_arch is empty, so it runs nowhere")]
    NoPlatform,
    /// `sha256` is no SHA-256 in lower case.
    #[error("its sha256 is not 64 hexadecimal digits in lower case")]
    Digest,
    /// An operation without a key.
    #[error("an operation has no key")]
    OperationWithoutKey,
    /// Two operations of one key.
    #[error("the operation {key:?} is there twice")]
    DuplicateOperation {
        /// The key.
        key: String,
    },
    /// Two fields of one key.
    #[error("the field {key:?} of {of} is there twice")]
    DuplicateField {
        /// What the fields belong to.
        of: String,
        /// The key.
        key: String,
    },
    /// No operation at all.
    #[error("it has no operations")]
    NoOperations,
}

/// The bytes that an envelope's signature covers: the file as compact JSON with sorted
/// keys and without `envelope_signature`, behind a line that says what is signed.
///
/// # Errors
///
/// [`ManifestProblem::NotJson`], and [`ManifestProblem::AmbiguousKey`] when two keys of
/// one object differ in nothing but case: then readers could disagree about what was signed.
pub fn envelope_payload(file: &[u8]) -> Result<Vec<u8>, ManifestProblem> {
    if file.len() > MAX_MANIFEST_BYTES {
        return Err(ManifestProblem::TooLarge { bytes: file.len() });
    }
    let Unambiguous(mut value) = serde_json::from_slice(file).map_err(|error| {
        let reason = error.to_string();
        match reason
            .strip_prefix(AMBIGUOUS)
            .and_then(|rest| rest.split('\u{0}').next())
        {
            Some(key) => ManifestProblem::AmbiguousKey {
                key: key.to_owned(),
            },
            None => ManifestProblem::NotJson {
                line: error.line(),
                column: error.column(),
                reason,
            },
        }
    })?;
    if let Value::Object(object) = &mut value {
        object.retain(|key, _| !key.eq_ignore_ascii_case("envelope_signature"));
    }
    let mut payload = b"outboard connector envelope v1\n".to_vec();
    payload.extend(value.to_string().into_bytes());
    Ok(payload)
}

/// What a serde error begins with for a key that is there twice.
const AMBIGUOUS: &str = "ambiguous key ";

/// JSON in which no object has one key twice, in any case.
struct Unambiguous(Value);

impl<'de> serde::Deserialize<'de> for Unambiguous {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Value;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut sequence: A,
            ) -> Result<Value, A::Error> {
                let mut values = Vec::new();
                while let Some(Unambiguous(value)) = sequence.next_element()? {
                    values.push(value);
                }
                Ok(values.into())
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Value, A::Error> {
                let mut values = serde_json::Map::new();
                let mut seen = std::collections::BTreeSet::new();
                while let Some(key) = map.next_key::<String>()? {
                    if !seen.insert(key.to_lowercase()) {
                        return Err(serde::de::Error::custom(format!("{AMBIGUOUS}{key}\u{0}")));
                    }
                    let Unambiguous(value) = map.next_value()?;
                    values.insert(key, value);
                }
                Ok(values.into())
            }
        }
        deserializer.deserialize_any(Visitor).map(Unambiguous)
    }
}
