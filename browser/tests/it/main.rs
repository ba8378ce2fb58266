//! What people do on the pages, done in a real browser.
#![allow(clippy::unwrap_used)]

mod driver;
mod smoke;
mod support;
