//! Writes `docs/interop-matrix.md` anew; a test compares it.

use outboard_interop::{matrix, tools};

fn main() -> std::io::Result<()> {
    std::fs::write(tools::repository().join(matrix::PAGE), matrix::page())
}
