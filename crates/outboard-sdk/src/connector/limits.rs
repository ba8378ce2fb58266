//! Limits that hosts of the original ask a connector to set itself.
//!
//! They are asked for and not imposed, so they protect from mistakes and not from malice.
//! Hosts of ours impose their limits from outside.

#[cfg(target_os = "linux")]
pub(super) fn set_from_environment() {
    use rustix::process::Resource;
    const MIB: u64 = 1024 * 1024;
    for (variable, resource, unit) in [
        ("WICK_PLUGIN_RLIMIT_AS_MB", Resource::As, MIB),
        ("WICK_PLUGIN_RLIMIT_CPU_SEC", Resource::Cpu, 1),
        ("WICK_PLUGIN_RLIMIT_NOFILE", Resource::Nofile, 1),
    ] {
        let text = std::env::var(variable).unwrap_or_default();
        let Some(limit) = amount(&text, unit) else {
            if !text.is_empty() {
                tracing::warn!(variable, "no positive whole number; the limit is not set");
            }
            continue;
        };
        if let Err(error) = lower(resource, limit) {
            tracing::warn!(variable, limit, %error, "the limit cannot be set");
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn set_from_environment() {}

/// What the text asks for, in single units.
#[cfg(any(target_os = "linux", test))]
fn amount(text: &str, unit: u64) -> Option<u64> {
    let number: u64 = text.parse().ok().filter(|number| *number > 0)?;
    number.checked_mul(unit)
}

/// Sets both limits, never above the hard one that is there.
#[cfg(target_os = "linux")]
fn lower(resource: rustix::process::Resource, limit: u64) -> rustix::io::Result<()> {
    let current = rustix::process::getrlimit(resource);
    let limit = current.maximum.map_or(limit, |maximum| maximum.min(limit));
    let wanted = rustix::process::Rlimit {
        current: Some(limit),
        maximum: Some(limit),
    };
    rustix::process::setrlimit(resource, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_positive_whole_numbers_are_limits() {
        assert_eq!(amount("256", 1024), Some(256 * 1024));
        for text in ["", "0", "-1", "1.5", "256MB", "18446744073709551615"] {
            assert_eq!(amount(text, 1024), None, "{text:?}");
        }
    }
}
