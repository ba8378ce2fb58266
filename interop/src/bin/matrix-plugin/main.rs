//! The plugin of the interop matrix, built with this repository's crates: the twin of
//! `interop/go/internal/matrixplugin`.
//!
//! `matrix-plugin [--network unix|tcp] [--versions 1,2]`

use std::{
    process::ExitCode,
    sync::{Arc, Mutex},
};

use outboard_go_plugin::{
    broker::Served,
    handshake::HandshakeConfig,
    plugin::{Network, ServeConfig, run},
    transport::{MAX_MESSAGE_BYTES, Services},
};
use outboard_interop::{
    generated::{
        grpctest::test_server::TestServer,
        peer::{kv_server::KvServer, peer_server::PeerServer},
    },
    matrix::COOKIE,
};

mod peer;
mod test;

/// What the plugin accepts through the broker, until it ends.
type Shared = Arc<Mutex<Vec<Served>>>;

fn main() -> ExitCode {
    outboard_sdk::log::install();
    let mut network = Network::Auto;
    let mut versions = vec![1];
    let mut arguments = std::env::args().skip(1);
    while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
        match (name.as_str(), value.as_str()) {
            ("--network", "tcp") => network = Network::Tcp,
            ("--network", "unix") => {}
            ("--versions", list) => versions = list.split(',').flat_map(str::parse).collect(),
            _ => {
                eprintln!("matrix-plugin: no {name} {value}");
                return ExitCode::from(2);
            }
        }
    }
    let handshake = HandshakeConfig::new(COOKIE.0, COOKIE.1, 1);
    let config = ServeConfig::versioned(handshake, versions, |context| {
        let served = Shared::default();
        let broker = context.broker().clone();
        let test = test::Test::new(broker.clone(), served.clone());
        let peer = PeerServer::new(peer::Peer::new(broker, served));
        let store = peer::Store::new(context.protocol_version());
        Services::new()
            .add_service(TestServer::new(test))
            .add_service(KvServer::new(store))
            .add_service(peer.max_decoding_message_size(MAX_MESSAGE_BYTES))
    });
    run(config.network(network))
}
