//! The connector's program: everything is in the library, where its tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    outboard_sdk::connector::serve(sql_connector::connector())
}
