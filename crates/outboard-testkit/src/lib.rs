//! Test support shared by Outboard's crates.
//!
//! It depends on none of them, so that what it proves is proved by somebody else's
//! code.

pub mod misbehaving;
