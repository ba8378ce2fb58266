//! Side-by-side benchmarks with Go.

fn main() {}
