//! Peers in three languages, each pair held to the same list of cases.
#![allow(clippy::unwrap_used)]

mod cases_in_both_directions;

/// The plugin of the recorded session, built with our SDK.
#[allow(dead_code)]
const RUST_KITCHEN: &str = "";
