//! Example: a SQLite-backed key-value module and steps that read, validate and transform JSON.

fn main() {}
