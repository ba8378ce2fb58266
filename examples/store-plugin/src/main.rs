//! The plugin's program: everything is in the library, where its tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    outboard_sdk::workflow::serve(store_plugin::plugin())
}
