//! What our ends send and take on a connection, seen from a peer that knows frames
//! and nothing else.

use std::time::Duration;

use outboard_go_plugin::transport::{Channel, Services, serve_connection};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    time::timeout,
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
/// END_HEADERS and END_STREAM.
const WHOLE: u8 = 5;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags, 0, 0, 0, stream]);
    frame.extend(payload);
    frame
}

/// The kind and payload of the next frame, or nothing if none comes in time.
async fn next(io: &mut DuplexStream, limit: Duration) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 9];
    timeout(limit, io.read_exact(&mut head)).await.ok()?.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length as usize];
    io.read_exact(&mut payload).await.unwrap();
    Some((head[3], payload))
}

/// Takes what comes until nothing more does.
async fn settle(io: &mut DuplexStream) {
    while next(io, Duration::from_secs(1)).await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_sent_nothing_for_hours_in_either_role() {
    let hours = Duration::from_secs(3 * 60 * 60);

    let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
    let _channel = Channel::from_io(ours).await.unwrap();
    let mut preface = vec![0; PREFACE.len()];
    theirs.read_exact(&mut preface).await.unwrap();
    theirs.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    theirs.write_all(&frame(SETTINGS, 1, 0, &[])).await.unwrap();
    settle(&mut theirs).await;
    assert_eq!(next(&mut theirs, hours).await, None);

    let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
    let server = tokio::spawn(serve_connection(ours, Services::new()));
    theirs.write_all(PREFACE).await.unwrap();
    theirs.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    theirs.write_all(&frame(SETTINGS, 1, 0, &[])).await.unwrap();
    settle(&mut theirs).await;
    assert_eq!(next(&mut theirs, hours).await, None);
    assert!(!server.is_finished(), "nor is it closed");
    server.abort();
}

/// A text as HPACK has it.
fn literal(text: &str) -> Vec<u8> {
    let mut literal = vec![u8::try_from(text.len()).unwrap()];
    literal.extend(text.bytes());
    literal
}

/// What the server makes of a call with this authority: its first frame of answer.
async fn answer(theirs: &mut DuplexStream, stream: u8, authority: &str) -> u8 {
    answer_to(theirs, stream, literal(authority)).await
}

async fn answer_to(theirs: &mut DuplexStream, stream: u8, authority: Vec<u8>) -> u8 {
    // POST and http from HPACK's table, the others as literals.
    let mut block = vec![0x83, 0x86];
    for (index, value) in [(4, literal("/no.Service/Method")), (1, authority)] {
        block.push(index);
        block.extend(value);
    }
    let call = frame(HEADERS, WHOLE, stream, &block);
    theirs.write_all(&call).await.unwrap();
    loop {
        let (kind, _) = next(theirs, Duration::from_secs(10)).await.unwrap();
        if !matches!(kind, SETTINGS | WINDOW_UPDATE) {
            return kind;
        }
    }
}

#[tokio::test]
async fn a_path_as_the_authority_is_served_all_the_same() {
    let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
    let server = tokio::spawn(serve_connection(ours, Services::new()));
    theirs.write_all(PREFACE).await.unwrap();
    theirs.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    // Of Go's clients in plain text and in TLS.
    assert_eq!(answer(&mut theirs, 1, "unused").await, HEADERS);
    assert_eq!(answer(&mut theirs, 3, "localhost").await, HEADERS);
    // Of clients on gRPC's C core, which say the socket's path, and of older ones.
    assert_eq!(answer(&mut theirs, 5, "%2Ftmp%2Fx.sock").await, HEADERS);
    assert_eq!(answer(&mut theirs, 7, "/tmp/x.sock").await, HEADERS);
    // A slash in Huffman code cannot be mended in its place: that costs the call and not
    // the connection.
    assert_eq!(
        answer_to(&mut theirs, 9, vec![0x81, 0x63]).await,
        RST_STREAM
    );
    assert_eq!(answer(&mut theirs, 11, "localhost").await, HEADERS);
    server.abort();
}
