//! The go-plugin protocol for Rust hosts and Rust plugins.
