//! Operating system and processor, in the words of Go that packages use.

/// What this program runs on, such as `linux/amd64`.
///
/// ```
/// assert!(outboard_contracts::connector::platform::host().contains('/'));
/// ```
pub fn host() -> String {
    format!(
        "{}/{}",
        os(std::env::consts::OS),
        arch(std::env::consts::ARCH)
    )
}

fn os(name: &str) -> &str {
    match name {
        "macos" => "darwin",
        other => other,
    }
}

fn arch(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64",
        other => other,
    }
}
