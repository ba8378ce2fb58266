//! The calls of the matrix, as our host makes them. Their Go twins are in
//! `interop/go/internal/matrixhost`.

use std::time::{Duration, Instant};

use outboard_contracts::value::Map;
use outboard_go_plugin::{
    host::PluginProcess,
    transport::{Channel, MAX_MESSAGE_BYTES},
};
use serde_json::{Value, json};
use tonic::{Code, Request, Response, Status, metadata::MetadataMap};

use super::broker_calls::BrokerCalls;
use crate::generated::{
    grpctest::{
        PanicRequest, PrintKvRequest, PrintStdioRequest, TestRequest, print_kv_request,
        test_client::TestClient,
    },
    peer::{
        DisconnectRequest, EchoRequest, GetRequest, HangRequest, HungResponse, PutRequest,
        kv_client::KvClient, peer_client::PeerClient,
    },
};

/// How often to look whether the plugin has seen something.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// The metadata that goes there and back.
pub const METADATA: &str = "x-interop";

/// What the calls are made on.
pub(super) struct Calls<'a> {
    pub(super) plugin: &'a PluginProcess,
}

impl Calls<'_> {
    /// Makes a call by its name.
    pub(super) async fn call(
        &self,
        name: &str,
        request: &Map,
        deadline: Duration,
    ) -> Result<Value, Status> {
        let channel = self.plugin.channel();
        let mut test = TestClient::new(channel.clone());
        let mut kv = KvClient::new(channel.clone());
        let brokered = BrokerCalls {
            channel: channel.clone(),
            broker: self.plugin.broker().clone(),
        };
        match name {
            "Test.Double" => {
                let message = TestRequest {
                    input: number(request, "input"),
                };
                let answer = inner(test.double(within(deadline, message)).await)?;
                Ok(json!({ "output": answer.output }))
            }
            "Test.PrintKV" => {
                let value = match request.get("text").and_then(Value::as_str) {
                    Some(text) => print_kv_request::Value::ValueString(text.to_owned()),
                    None => print_kv_request::Value::ValueInt(number(request, "number")),
                };
                let message = PrintKvRequest {
                    key: text(request, "key"),
                    value: Some(value),
                };
                inner(test.print_kv(within(deadline, message)).await)?;
                Ok(json!({}))
            }
            "Test.Stream" => stream(test, number(request, "count"), deadline).await,
            "Test.PrintStdio" => {
                let message = PrintStdioRequest {
                    stdout: text(request, "stdout").into(),
                    stderr: text(request, "stderr").into(),
                };
                inner(test.print_stdio(within(deadline, message)).await)?;
                Ok(json!({}))
            }
            "Kv.Put" => {
                let message = PutRequest {
                    key: text(request, "key"),
                    value: text(request, "value").into(),
                };
                inner(kv.put(within(deadline, message)).await)?;
                Ok(json!({}))
            }
            "Kv.Get" => {
                let message = GetRequest {
                    key: text(request, "key"),
                };
                let answer = inner(kv.get(within(deadline, message)).await)?;
                let value = String::from_utf8_lossy(&answer.value);
                Ok(json!({ "value": value, "version": answer.version }))
            }
            "Peer.Echo" => echo(peer(channel), request, deadline).await,
            "Peer.Cancel" => cancel(peer(channel), text(request, "name"), deadline).await,
            "Peer.Reconnect" => {
                let address = self.plugin.address().to_string();
                reconnect(channel, address, deadline).await
            }
            "Test.Panic" => {
                let message = PanicRequest {
                    message: text(request, "message"),
                };
                inner(test.panic(within(deadline, message)).await)?;
                Ok(json!({}))
            }
            "Peer.Outlive" => outlive(test, number(request, "for_ms"), deadline).await,
            "Test.Bidirectional" => brokered.bidirectional(deadline).await,
            "Broker.PluginDials" => brokered.plugin_dials(request, deadline).await,
            "Broker.HostDials" => brokered.host_dials(request, deadline).await,
            "Broker.BothDial" => brokered.both_dial(request, deadline).await,
            other => Err(Status::unimplemented(format!("our host knows no {other}"))),
        }
    }
}

fn peer(channel: Channel) -> PeerClient<Channel> {
    PeerClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES)
}

/// Waits for each answer before it sends the next number.
async fn stream(
    mut test: TestClient<Channel>,
    count: i32,
    deadline: Duration,
) -> Result<Value, Status> {
    let (send, numbers) = tokio::sync::mpsc::channel(1);
    let numbers = tokio_stream::wrappers::ReceiverStream::new(numbers);
    let gone = |_| Status::unavailable("the stream has ended");
    // The first before anything else: servers of other makers say nothing, not even
    // that the call has begun, until they have an answer.
    send.send(TestRequest { input: 0 }).await.map_err(gone)?;
    let mut answers = inner(test.stream(within(deadline, numbers)).await)?;
    for input in 0..count {
        if input > 0 {
            send.send(TestRequest { input }).await.map_err(gone)?;
        }
        match answers.message().await? {
            Some(answer) if answer.output == input => {}
            other => {
                return Err(Status::data_loss(format!("{input} came back as {other:?}")));
            }
        }
    }
    drop(send);
    match answers.message().await? {
        None => Ok(json!({ "answers": count })),
        Some(more) => Err(Status::data_loss(format!("nobody asked for {more:?}"))),
    }
}

/// Sends and asks for many bytes, and sends metadata that comes back.
async fn echo(
    mut peer: PeerClient<Channel>,
    request: &Map,
    deadline: Duration,
) -> Result<Value, Status> {
    let length = |key| usize::try_from(number::<u64>(request, key)).unwrap_or_default();
    let mut message = within(
        deadline,
        EchoRequest {
            data: vec![b'x'; length("send_bytes")].into(),
            answer_bytes: number(request, "answer_bytes"),
            refuse: request.get("refuse") == Some(&Value::Bool(true)),
        },
    );
    let metadata = "x".repeat(length("metadata_bytes"));
    if !metadata.is_empty() {
        let value = metadata.parse().map_err(|_| Status::internal("no value"))?;
        message.metadata_mut().insert(METADATA, value);
    }
    match peer.echo(message).await {
        Ok(answer) => Ok(json!({
            "plugin_got": answer.get_ref().got_bytes,
            "host_got": answer.get_ref().data.len(),
            "header_bytes": metadata_bytes(answer.metadata()),
        })),
        Err(status) if status.code() == Code::Aborted => {
            Ok(json!({ "status_bytes": metadata_bytes(status.metadata()) }))
        }
        Err(status) => Err(status),
    }
}

fn metadata_bytes(metadata: &MetadataMap) -> usize {
    let values = metadata.get_all(METADATA).iter();
    values.map(|value| value.as_encoded_bytes().len()).sum()
}

/// Begins a call that never ends, gives it up, and waits until the plugin has seen that.
async fn cancel(
    mut peer: PeerClient<Channel>,
    name: String,
    deadline: Duration,
) -> Result<Value, Status> {
    let mut hanging = peer.clone();
    let message = within(deadline, HangRequest { name: name.clone() });
    let hang = tokio::spawn(async move { hanging.hang(message).await });
    until(&mut peer, &name, deadline, |answer| answer.begun).await?;
    hang.abort();
    until(&mut peer, &name, deadline, |answer| answer.cancelled).await?;
    Ok(json!({ "plugin_saw": true }))
}

/// Asks the plugin about a call of Hang until it answers as is wanted.
async fn until(
    peer: &mut PeerClient<Channel>,
    name: &str,
    deadline: Duration,
    wanted: impl Fn(&HungResponse) -> bool,
) -> Result<(), Status> {
    let ask = async {
        loop {
            let message = HangRequest {
                name: name.to_owned(),
            };
            if wanted(&inner(peer.hung(within(deadline, message)).await)?) {
                return Ok(());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    let late = |_| Status::deadline_exceeded("the plugin has not seen it");
    tokio::time::timeout(deadline, ask).await.map_err(late)?
}

/// Lets the plugin cut the main connection and calls again until it is answered.
async fn reconnect(channel: Channel, address: String, deadline: Duration) -> Result<Value, Status> {
    let message = within(deadline, DisconnectRequest { address });
    // Its own answer cannot arrive.
    let _ = peer(channel.clone()).disconnect(message).await;
    let mut test = TestClient::new(channel);
    let mut last = Status::unavailable("nobody asked");
    let ask = async {
        loop {
            match test
                .double(within(deadline, TestRequest { input: 21 }))
                .await
            {
                Ok(answer) => return json!({ "output": answer.get_ref().output }),
                Err(status) => last = status,
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    match tokio::time::timeout(deadline, ask).await {
        Ok(answer) => Ok(answer),
        Err(_) => Err(last),
    }
}

/// Calls again and again for a while, and counts the calls that failed.
async fn outlive(
    mut test: TestClient<Channel>,
    for_ms: u64,
    deadline: Duration,
) -> Result<Value, Status> {
    let begun = Instant::now();
    let mut failures: Vec<String> = Vec::new();
    while begun.elapsed() < Duration::from_millis(for_ms) {
        let message = within(deadline, TestRequest { input: 1 });
        if let Err(status) = test.double(message).await {
            failures.push(status.to_string());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(json!({ "failures": failures }))
}

pub(super) fn within<T>(deadline: Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    request
}

pub(super) fn inner<T>(answer: Result<Response<T>, Status>) -> Result<T, Status> {
    answer.map(Response::into_inner)
}

fn text(request: &Map, key: &str) -> String {
    let text = request.get(key).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

pub(super) fn number<T: TryFrom<i64> + Default>(request: &Map, key: &str) -> T {
    let number = request.get(key).and_then(Value::as_i64).unwrap_or_default();
    T::try_from(number).unwrap_or_default()
}
