//! Run plugins outside your process: the outboard command.

fn main() {}
