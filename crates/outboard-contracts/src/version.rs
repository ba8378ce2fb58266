//! Versions and the constraints that dependencies put on them.
//!
//! A version is a [semantic version](https://semver.org), with or without a
//! leading `v`. A constraint is one or more comparators:
//!
//! | written | accepts |
//! |---|---|
//! | `1.2.3`, `=1.2.3` | exactly this version |
//! | `!=1.2.3`, `>1.2.3`, `>=1.2.3`, `<1.2.3`, `<=1.2.3` | what it says |
//! | `^1.2.3` | compatible: the leftmost part that is not zero stays (`^0.1` is 0.1.x) |
//! | `~1.2.3` | the same major and minor version, at least this patch |
//! | `1.2`, `1.x`, `^2.1`, `*` | parts that are left out or wild match anything |
//! | `>=1.2, <2`, `>=1.2 <2` | all of them |
//! | `^1.2 \|\| ^3` | one of them |
//!
//! A pre-release is accepted only where a comparator of the same alternative
//! names a pre-release of the same version: `>=1.2.3-alpha.1` accepts
//! `1.2.3-beta` and not `1.3.0-beta`. Cargo and npm do the same.

use std::{fmt, str::FromStr};

use semver::{BuildMetadata, Comparator, Op, Prerelease, VersionReq};
use serde::{Deserialize, Serialize};

pub use semver::Version;

/// The longest version or constraint that is read, in bytes.
pub const MAX_LENGTH: usize = 256;

/// A text that is no version or no constraint, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionError {
    kind: VersionErrorKind,
    text: String,
    reason: String,
}

/// Which of the two could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionErrorKind {
    /// The text should have been a version.
    Version,
    /// The text should have been a constraint.
    Constraint,
}

impl VersionError {
    /// Which of the two could not be read.
    pub fn kind(&self) -> VersionErrorKind {
        self.kind
    }

    /// The text as it was given, at most [`MAX_LENGTH`] bytes of it.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn new(kind: VersionErrorKind, text: &str, reason: impl Into<String>) -> Self {
        let text = text.chars().take(MAX_LENGTH).collect();
        Self {
            kind,
            text,
            reason: reason.into(),
        }
    }
}

impl fmt::Display for VersionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            VersionErrorKind::Version => "version",
            VersionErrorKind::Constraint => "constraint",
        };
        write!(formatter, "invalid {what} {:?}: {}", self.text, self.reason)
    }
}

impl std::error::Error for VersionError {}

/// Reads a version: three numbers, then perhaps a pre-release and build metadata.
///
/// # Errors
///
/// [`VersionErrorKind::Version`] with the reason.
pub fn parse(text: &str) -> Result<Version, VersionError> {
    let error = |reason: String| VersionError::new(VersionErrorKind::Version, text, reason);
    if text.len() > MAX_LENGTH {
        return Err(error(format!("it is longer than {MAX_LENGTH} bytes")));
    }
    let bare = text.strip_prefix('v').unwrap_or(text);
    Version::parse(bare).map_err(|reason| error(reason.to_string()))
}

/// Whether `version` is one that `constraint` accepts.
///
/// # Errors
///
/// [`VersionError`] for whichever of the two cannot be read.
pub fn check(version: &str, constraint: &str) -> Result<bool, VersionError> {
    let version = parse(version)?;
    Ok(Constraint::parse(constraint)?.matches(&version))
}

/// Which versions somebody accepts.
///
/// ```
/// use outboard_contracts::version::{self, Constraint};
///
/// let constraint = Constraint::parse("^0.1 || >=2.0.0, <3").unwrap();
/// assert!(constraint.matches(&version::parse("v0.1.9").unwrap()));
/// assert!(!constraint.matches(&version::parse("0.9.0").unwrap()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Constraint {
    text: String,
    alternatives: Vec<Alternative>,
}

/// Comparators that must all agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Alternative {
    /// Every comparator but `!=`; empty means any version that is no pre-release.
    accepted: VersionReq,
    /// What `!=` names.
    excluded: Vec<Comparator>,
}

impl Constraint {
    /// Reads a constraint; see the [module](self) for the grammar.
    ///
    /// # Errors
    ///
    /// [`VersionErrorKind::Constraint`] with the reason.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let error = |reason: String| VersionError::new(VersionErrorKind::Constraint, text, reason);
        if text.len() > MAX_LENGTH {
            return Err(error(format!("it is longer than {MAX_LENGTH} bytes")));
        }
        let alternatives = text
            .split("||")
            .map(|alternative| parse_alternative(alternative).map_err(error))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            text: text.trim().to_owned(),
            alternatives,
        })
    }

    /// Whether `version` is accepted.
    pub fn matches(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|alternative| {
            alternative.accepted.matches(version)
                && !alternative
                    .excluded
                    .iter()
                    .any(|excluded| is_part_of(version, excluded))
        })
    }

    /// The constraint as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Whether `version` is the one that `partial` names, or one of them.
fn is_part_of(version: &Version, partial: &Comparator) -> bool {
    version.major == partial.major
        && partial.minor.is_none_or(|minor| version.minor == minor)
        && partial
            .patch
            .is_none_or(|patch| version.patch == patch && version.pre == partial.pre)
}

fn parse_alternative(text: &str) -> Result<Alternative, String> {
    if text.trim().is_empty() {
        return Err("there is nothing to compare with".to_owned());
    }
    let mut alternative = Alternative {
        accepted: VersionReq::STAR,
        excluded: Vec::new(),
    };
    for part in text.split(',') {
        let mut rest = part.trim();
        if rest.is_empty() {
            return Err("there is nothing on one side of a comma".to_owned());
        }
        while !rest.is_empty() {
            let (operator, after) = split_operator(rest);
            let after = after.trim_start();
            let end =
                after.find(|letter: char| letter.is_whitespace() || "<>=!^~".contains(letter));
            let (version, next) = after.split_at(end.unwrap_or(after.len()));
            if version.is_empty() {
                return Err(format!("a version is missing at {rest:?}"));
            }
            match parse_comparator(operator, version)? {
                None => {}
                Some(excluded) if operator == "!=" => alternative.excluded.push(excluded),
                Some(accepted) => alternative.accepted.comparators.push(accepted),
            }
            rest = next.trim_start();
        }
    }
    Ok(alternative)
}

fn split_operator(text: &str) -> (&str, &str) {
    let operator = [">=", "<=", "!=", ">", "<", "^", "~", "="]
        .into_iter()
        .find(|&op| text.starts_with(op));
    text.split_at(operator.map_or(0, str::len))
}

/// Reads one comparator; `None` is `*`, which accepts everything.
fn parse_comparator(operator: &str, version: &str) -> Result<Option<Comparator>, String> {
    let Some(partial) = parse_partial(version)? else {
        return if operator.is_empty() {
            Ok(None)
        } else {
            Err(format!("{operator:?} cannot be used with {version:?}"))
        };
    };
    let op = match operator {
        ">=" => Op::GreaterEq,
        "<=" => Op::LessEq,
        ">" => Op::Greater,
        "<" => Op::Less,
        "^" => Op::Caret,
        "~" => Op::Tilde,
        _ => Op::Exact,
    };
    Ok(Some(Comparator { op, ..partial }))
}

/// Reads `1`, `1.2`, `1.2.3`, `1.2.3-rc.1` or a form with wild parts; `None` is all wild.
fn parse_partial(text: &str) -> Result<Option<Comparator>, String> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, build) = text
        .split_once('+')
        .map_or((text, None), |(text, build)| (text, Some(build)));
    if let Some(build) = build {
        // Build metadata takes no part in comparisons, but must be well formed.
        BuildMetadata::new(build).map_err(|reason| reason.to_string())?;
    }
    let (numbers, pre) = text
        .split_once('-')
        .map_or((text, None), |(text, pre)| (text, Some(pre)));
    let mut parts = Vec::with_capacity(3);
    let mut wild = false;
    for part in numbers.split('.') {
        match part {
            "*" | "x" | "X" => wild = true,
            _ if wild => return Err(format!("a number follows a wild part in {numbers:?}")),
            _ => parts.push(parse_number(part)?),
        }
    }
    if numbers.split('.').count() > 3 {
        return Err(format!("{numbers:?} has more than three parts"));
    }
    let pre = match pre {
        None => Prerelease::EMPTY,
        Some("") => return Err("the pre-release is empty".to_owned()),
        Some(_) if parts.len() < 3 => {
            return Err("a pre-release needs all three numbers".to_owned());
        }
        Some(pre) => Prerelease::new(pre).map_err(|reason| reason.to_string())?,
    };
    Ok(parts.first().map(|&major| Comparator {
        op: Op::Exact,
        major,
        minor: parts.get(1).copied(),
        patch: parts.get(2).copied(),
        pre,
    }))
}

fn parse_number(text: &str) -> Result<u64, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{text:?} is not a number"));
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err(format!("{text:?} has a leading zero"));
    }
    text.parse().map_err(|_| format!("{text} is too large"))
}

impl fmt::Display for Constraint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for Constraint {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Constraint {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        Self::parse(&text)
    }
}

impl From<Constraint> for String {
    fn from(constraint: Constraint) -> Self {
        constraint.text
    }
}
