//! gRPC's bytes: a message has a flag and a length in front.
//!
//! ```text
//! 00 00 00 00 02   08 01
//! │  └──length──┘  └ HealthCheckResponse { status: SERVING }
//! └ not compressed
//! ```

use bytes::Bytes;

/// `status: SERVING` in the health service's answer.
pub(super) const SERVING: &[u8] = &[0x08, 1];
/// `status: NOT_SERVING`.
pub(super) const NOT_SERVING: &[u8] = &[0x08, 2];

pub(super) fn message(body: &[u8]) -> Bytes {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    announced(0, length, body)
}

/// A message whose flag and length are whatever the caller says.
pub(super) fn announced(flag: u8, length: u32, body: &[u8]) -> Bytes {
    let mut bytes = vec![flag];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(body);
    bytes.into()
}

/// The broker's announcement: id, network and address are its fields 1, 2 and 3.
pub(super) fn connection_info(id: u8, network: &str, address: &str) -> Vec<u8> {
    let mut body = vec![0x08, id];
    for (tag, text) in [(0x12, network), (0x1a, address)] {
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        body.extend([tag, length]);
        body.extend(text.bytes());
    }
    body
}
