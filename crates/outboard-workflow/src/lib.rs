//! Host side of the workflow plugin family, with a small engine.
//!
//! The [`engine`] knows plugins only through its traits: what a plugin written in
//! this process and one in a process of its own have in common.

pub mod engine;
pub mod external;
