//! What can go wrong between this host and a provider.

use outboard_go_plugin::{host::StartError, reattach::ReattachError};

use crate::generated::{
    AttributePath, Diagnostic, attribute_path::step::Selector, diagnostic::Severity,
};

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The provider did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// What is said about running providers is wrong.
    #[error("TF_REATTACH_PROVIDERS cannot be used: {0}")]
    Reattach(#[from] ReattachError),
    /// A call did not come through, or the provider could not make sense of it.
    #[error("the provider did not answer as it should: {0}")]
    Call(#[from] tonic::Status),
    /// The provider understood, and refused.
    #[error("the provider refused: {}", join(.0))]
    Refused(Vec<Diagnostic>),
    /// The provider has no such resource, data source or attribute.
    #[error("the provider has no {0}")]
    Unknown(String),
    /// A value of the provider's cannot be read.
    #[error("a value of the provider's cannot be read: {0}")]
    Value(#[from] rmpv::decode::Error),
}

/// Parts an answer's diagnostics: errors are a failure, the rest are warnings.
///
/// # Errors
///
/// All of the diagnostics, if one is an error.
pub fn judge(diagnostics: Vec<Diagnostic>) -> Result<Vec<Diagnostic>, Failure> {
    let mut all = diagnostics.iter();
    match all.any(|diagnostic| diagnostic.severity() != Severity::Warning) {
        true => Err(Failure::Refused(diagnostics)),
        false => Ok(diagnostics),
    }
}

/// A path as a person would write it: `labels["colour"]`.
pub fn path(path: &AttributePath) -> String {
    let mut text = String::new();
    for step in &path.steps {
        match &step.selector {
            Some(Selector::AttributeName(name)) if text.is_empty() => text.push_str(name),
            Some(Selector::AttributeName(name)) => text.extend([".", name]),
            Some(Selector::ElementKeyString(key)) => text.push_str(&format!("[{key:?}]")),
            Some(Selector::ElementKeyInt(index)) => text.push_str(&format!("[{index}]")),
            None => text.push_str("[?]"),
        }
    }
    text
}

fn join(diagnostics: &[Diagnostic]) -> String {
    let texts: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
