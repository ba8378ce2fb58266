//! What people do on the pages, done in a real browser.
#![allow(clippy::unwrap_used)]

mod catalog;
mod driver;
mod every_page;
mod frames;
mod keyboard;
mod live;
mod pages;
mod roles;
mod run_it;
mod runs;
mod scriptless;
mod settings;
mod sign_in;
mod smoke;
mod support;
