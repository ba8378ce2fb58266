//! Test support shared by Outboard's crates.
