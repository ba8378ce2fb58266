//! Rust, Go and Python peers under one list of cases.
