//! The workflow file: YAML in, checked definitions out, or every problem at once.

mod problem;

pub use problem::{Problem, Problems};
