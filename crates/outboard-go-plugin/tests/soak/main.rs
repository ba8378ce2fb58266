//! Plugins started, crashed and ended again and again: whatever a cycle takes, it
//! gives back. `cargo test` runs 100 cycles of each kind, `cargo xtask soak` 1,000.
#![allow(clippy::unwrap_used)]

mod cycles;
mod usage;
mod warnings;
