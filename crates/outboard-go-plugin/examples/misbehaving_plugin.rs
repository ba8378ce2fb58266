//! The plugin that misbehaves as its arguments say, for the tests of the host.

fn main() {
    outboard_testkit::misbehaving::main();
}
