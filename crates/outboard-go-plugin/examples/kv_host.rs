//! A host of the key-value plugin that comes with go-plugin, `plugin-go-grpc`.

use outboard_go_plugin::{
    handshake::HandshakeConfig, host::PluginSpec, transport::MAX_MESSAGE_BYTES,
};
use proto::{GetRequest, PutRequest, kv_client::KvClient};

#[allow(unreachable_pub)] // In your package: tonic::include_proto!("proto");
mod proto {
    include!("../examples/kv/generated/proto.rs");
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let handshake = HandshakeConfig::new("BASIC_PLUGIN", "hello", 1);
    let spec = PluginSpec::new("kv", "./plugin-go-grpc", handshake);
    let plugin = spec.start().await?;
    let mut kv = KvClient::new(plugin.channel()).max_decoding_message_size(MAX_MESSAGE_BYTES);

    let (key, value) = ("greeting".to_owned(), "hello".into());
    kv.put(PutRequest { key, value }).await?;
    let key = "greeting".to_owned();
    let answer = kv.get(GetRequest { key }).await?.into_inner();
    println!("{}", String::from_utf8_lossy(&answer.value));
    println!("{}", plugin.stop().await);
    Ok(())
}
