//! Write Outboard plugins in Rust.
