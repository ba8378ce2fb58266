//! Example: a host in under 40 lines that restarts a crashed plugin.

fn main() {}
