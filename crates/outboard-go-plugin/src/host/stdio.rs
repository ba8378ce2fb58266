//! What a plugin prints, as its stdio stream brings it.

use std::{future::Future, time::Duration};

use super::output::Sink;
use crate::{
    generated::plugin::{grpc_stdio_client::GrpcStdioClient, stdio_data},
    transport::{Channel, MAX_MESSAGE_BYTES},
};

/// Follows the stdio stream to its end. A plugin without one is fine, and every
/// way for it to end is too: that the process is gone is for others to report.
///
/// The stream opens with its first message, so nobody may wait for it to open.
pub(super) fn follow(
    channel: Channel,
    mut stdout: Sink,
    mut stderr: Sink,
) -> impl Future<Output = ()> + Send {
    // Silence is normal here, for hours.
    let channel = channel.with_idle_timeout(None::<Duration>).uncounted();
    async move {
        let mut client = GrpcStdioClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES);
        let mut stream = match client.stream_stdio(()).await {
            Ok(stream) => stream.into_inner(),
            Err(status) => {
                tracing::debug!(%status, "the plugin has no stdio stream");
                return;
            }
        };
        loop {
            match stream.message().await {
                Ok(Some(piece)) => match piece.channel() {
                    stdio_data::Channel::Stdout => stdout.take(&piece.data),
                    stdio_data::Channel::Stderr => stderr.take(&piece.data),
                    stdio_data::Channel::Invalid => {
                        tracing::debug!(channel = piece.channel, "output on an unknown channel");
                    }
                },
                Ok(None) => break,
                Err(status) => {
                    tracing::debug!(%status, "the stdio stream ended");
                    break;
                }
            }
        }
    }
}
