//! Moves standard output away before anything can print on it.

use std::ffi::OsStr;

use outboard_go_plugin::plugin;

/// The cookies of the families that this crate was built with.
const COOKIES: &[(&str, &str)] = &[
    #[cfg(feature = "workflow")]
    (
        outboard_contracts::workflow::MAGIC_COOKIE_KEY,
        outboard_contracts::workflow::MAGIC_COOKIE_VALUE,
    ),
    #[cfg(feature = "connector")]
    (
        outboard_contracts::connector::MAGIC_COOKIE_KEY,
        outboard_contracts::connector::MAGIC_COOKIE_VALUE,
    ),
];

ctor::declarative::ctor! {
    /// Until the handshake is done, standard output belongs to it. Anything that prints
    /// before `serve` would break it, also an initializer of a dependency, so
    /// standard output is moved away before all of those run.
    #[ctor(unsafe, priority = 101)]
    fn take_over_stdout_before_anything_prints() {
        let started_by_a_host = COOKIES
            .iter()
            .any(|(key, value)| std::env::var_os(key).is_some_and(|found| found == OsStr::new(value)));
        if started_by_a_host && !prints_its_manifest() {
            // `serve` tries again and says what is wrong.
            let _ = plugin::take_over_stdout();
        }
    }
}

/// Whether the program was started to print and not to serve, perhaps by a program that
/// is itself a plugin and passes its cookie on.
fn prints_its_manifest() -> bool {
    cfg!(feature = "connector")
        && std::env::args_os()
            .skip(1)
            .any(|word| word == "--dump-manifest")
}
