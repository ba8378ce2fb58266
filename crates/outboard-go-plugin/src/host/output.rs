//! The bytes that a plugin writes, as they are, for hosts that want more than
//! lines in a log: to pass them on to a terminal or a file.

use std::fmt;

use bytes::Bytes;

use crate::piece_queue::{Next, PieceQueue};

/// By which way bytes left the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutputChannel {
    /// The process's standard error: its log. What go-plugin calls `Stderr`.
    Log,
    /// Printed on standard output: `SyncStdout` in go-plugin.
    Stdout,
    /// Sent as standard error over the stdio stream: `SyncStderr` in go-plugin.
    /// Plugins in Go do that with what they print there; ours write to the log.
    Stderr,
}

/// Some bytes that a plugin wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutputPiece {
    /// The process that wrote them; a restarted plugin has a new one.
    pub pid: u32,
    /// By which way they came.
    pub channel: OutputChannel,
    /// At least one, cut wherever they were cut on the way.
    pub bytes: Bytes,
}

/// Gets a copy of all that a plugin writes: give it to
/// [`PluginSpec::raw_output`](super::PluginSpec::raw_output) and read with the
/// [`RawOutputReader`] that came with it. The log gets everything all the same.
///
/// The plugin never waits for the reader. What was not read yet is kept up to
/// a limit; beyond it the oldest is dropped, and the reader is told how much.
///
/// Cloning shares it; one may serve several plugins, and all processes of one.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use outboard_go_plugin::{handshake::HandshakeConfig, host::{OutputChannel, PluginSpec, RawOutput}};
/// use std::io::Write as _;
///
/// let (output, mut reader) = RawOutput::new(RawOutput::DEFAULT_LIMIT);
/// let handshake = HandshakeConfig::new("BASIC_PLUGIN", "hello", 1);
/// let plugin = PluginSpec::new("greeter", "./greeter", handshake).raw_output(output);
/// tokio::spawn(async move {
///     while let Some(piece) = reader.next().await {
///         match piece {
///             Ok(piece) if piece.channel == OutputChannel::Stdout => {
///                 let _ = std::io::stdout().write_all(&piece.bytes);
///             }
///             Ok(_) => {}
///             Err(dropped) => eprintln!("{dropped} bytes of output came too fast"),
///         }
///     }
/// });
/// plugin.start().await?.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RawOutput(std::sync::Arc<Sender>);

struct Sender(PieceQueue<OutputPiece>);

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl RawOutput {
    /// How much may wait for the reader unless said otherwise: 1 MiB.
    pub const DEFAULT_LIMIT: usize = 1024 * 1024;

    /// A pair for output of which at most `limit` bytes wait to be read.
    pub fn new(limit: usize) -> (RawOutput, RawOutputReader) {
        let queue = PieceQueue::new(limit);
        let sender = RawOutput(std::sync::Arc::new(Sender(queue.clone())));
        (sender, RawOutputReader(queue))
    }

    pub(super) fn push(&self, pid: u32, channel: OutputChannel, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        let length = bytes.len();
        let piece = OutputPiece {
            pid,
            channel,
            bytes,
        };
        self.0.0.push(piece, length);
    }
}

impl fmt::Debug for RawOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawOutput").finish_non_exhaustive()
    }
}

/// The reading end of a [`RawOutput`].
pub struct RawOutputReader(PieceQueue<OutputPiece>);

impl RawOutputReader {
    /// The next bytes, or the number of bytes that were dropped before them
    /// because the reader was too slow; `None` once the last [`RawOutput`], with
    /// every [`PluginSpec`](super::PluginSpec) and process that has it, is gone.
    ///
    /// Cancel-safe: a dropped call loses nothing.
    pub async fn next(&mut self) -> Option<Result<OutputPiece, u64>> {
        Some(match self.0.next().await? {
            Next::Piece(piece) => Ok(piece),
            Next::Dropped(bytes) => Err(bytes),
        })
    }
}

impl fmt::Debug for RawOutputReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawOutputReader").finish_non_exhaustive()
    }
}

/// Where one flow of a process's output goes: into its log, and to whoever
/// wants the bytes.
pub(super) struct Sink {
    pub(super) pid: u32,
    pub(super) channel: OutputChannel,
    pub(super) log: super::LogWriter,
    pub(super) raw: Option<RawOutput>,
}

impl Sink {
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if let Some(raw) = &self.raw {
            raw.push(self.pid, self.channel, bytes);
        }
        self.log.write(bytes);
    }
}
