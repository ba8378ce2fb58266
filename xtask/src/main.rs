//! Outboard's own commands: demo, test, check and friends.

fn main() {}
