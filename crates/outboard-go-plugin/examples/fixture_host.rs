//! A host that does what its arguments say, for tests that kill the host or
//! need its environment to be their own.
//!
//! ```text
//! fixture_host PROGRAM [outlive] [inherit-all] [verified] [set=NAME=VALUE]… [plugin=ARGUMENT]…
//! ```
//!
//! It starts PROGRAM, prints the reattach configuration as one line, and stops
//! the plugin when its standard input ends.

use std::{
    io::{Read as _, Write as _},
    process::ExitCode,
};

use outboard_go_plugin::{
    handshake::HandshakeConfig,
    host::{Checksum, ChecksumAlgorithm, Inherit, PluginSpec, TlsMode},
    reattach::ReattachConfig,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("which plugin?");
        return ExitCode::FAILURE;
    };
    let handshake = HandshakeConfig::new("FIXTURE_PLUGIN", "a cookie", 1);
    let mut spec = PluginSpec::new("hosted", program, handshake);
    for argument in arguments {
        spec = match argument.split_once('=') {
            None if argument == "outlive" => spec.outlive_host(true).tls(TlsMode::Plaintext),
            None if argument == "inherit-all" => spec.inherit_environment(Inherit::All),
            None if argument == "verified" => {
                let program = spec.program().expect("a program");
                let sum = Checksum::of_file(ChecksumAlgorithm::Sha256, program);
                spec.checksum(sum.expect("a checksum"))
            }
            Some(("plugin", argument)) => spec.args([argument]),
            Some(("set", variable)) => match variable.split_once('=') {
                Some((name, value)) => spec.env(name, value),
                None => spec.env(variable, ""),
            },
            _ => {
                eprintln!("what is {argument}?");
                return ExitCode::FAILURE;
            }
        };
    }
    let plugin = match spec.start().await {
        Ok(plugin) => plugin,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let config = plugin.reattach_config().unwrap_or_else(|| {
        // Nobody can reattach then, but who and where is what the tests ask.
        let mut config = ReattachConfig::new(plugin.address().clone());
        config.pid = Some(plugin.pid());
        config
    });
    println!("{config}");
    let _ = std::io::stdout().flush();
    let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let _ = end.await;
    println!("{}", plugin.stop().await);
    ExitCode::SUCCESS
}
