//! A WebDriver client: what these tests need of the protocol, and waiting in it.
//!
//! `fantoccini` and `thirtyfour` are good at more: other browsers, grids, async. Each
//! brings about 110 packages into the tree that `ureq` does not, a second HTTP client with
//! TLS among them, for talking JSON to a port of this machine.
//!
//! | file | is |
//! |---|---|
//! | `wire.rs` | one command to ChromeDriver and its answer |
//! | `process.rs` | ChromeDriver and the Chromium below it, from start to gone |
//! | `browser.rs` | a session: go, find, click, type, wait, look |
//! | `devtools.rs` | what only Chromium can: media, sizes, script off, console, network |

mod browser;
mod devtools;
mod process;
mod wire;

pub(crate) use self::{
    browser::{Browser, keys},
    devtools::Look,
};
