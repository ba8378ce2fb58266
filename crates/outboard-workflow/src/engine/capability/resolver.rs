//! Whether everything that is required has a provider.

use std::collections::BTreeSet;

use super::CapabilityRegistry;
use crate::engine::EngineError;

/// Checks that each of `required` has a provider.
///
/// # Errors
///
/// [`EngineError::MissingCapabilities`] with all the names that have none, sorted.
pub fn check_required<'a>(
    registry: &CapabilityRegistry,
    required: impl IntoIterator<Item = &'a str>,
) -> Result<(), EngineError> {
    let missing: BTreeSet<&str> = required
        .into_iter()
        .filter(|capability| !registry.has_provider(capability))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(EngineError::MissingCapabilities {
        names: missing.into_iter().map(str::to_owned).collect(),
    })
}
