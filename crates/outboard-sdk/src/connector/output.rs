//! Results that are made piece by piece.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use serde::Serialize;

use super::{OperationError, error::error_code, pipe::Writer};

/// The result of an operation made with [`Operation::items`](super::Operation::items): a
/// JSON list, one item after the other.
///
/// What is sent waits until the host has taken most of what came before, so a result of
/// any size takes little memory here. A host keeps it until the end, though.
#[derive(Debug)]
pub struct Items {
    writer: Writer,
    /// Whether there is one before the next. The operation may be done with its `Items`
    /// before the list is closed.
    any: Arc<AtomicBool>,
}

impl Items {
    /// The list, and what closes it.
    pub(super) fn new(writer: Writer) -> (Items, ItemsEnd) {
        let any = Arc::new(AtomicBool::new(false));
        let end = ItemsEnd(Items {
            writer: writer.clone(),
            any: any.clone(),
        });
        (Items { writer, any }, end)
    }

    /// Sends one item.
    ///
    /// # Errors
    ///
    /// The item cannot be JSON (`marshal_error`), or nobody waits for the result any more
    /// (`cancelled`). Either ends the operation when it is passed on with `?`.
    pub async fn send<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), OperationError> {
        let first = !self.any.load(Ordering::Relaxed);
        let mut text = vec![if first { b'[' } else { b',' }];
        serde_json::to_writer(&mut text, item).map_err(unwritable)?;
        self.any.store(true, Ordering::Relaxed);
        self.writer.write(&text).await
    }
}

pub(super) struct ItemsEnd(Items);

impl ItemsEnd {
    pub(super) async fn close(self) -> Result<(), OperationError> {
        let any = self.0.any.load(Ordering::Relaxed);
        let end: &[u8] = if any { b"]" } else { b"[]" };
        self.0.writer.write(end).await
    }
}

/// The result of an operation made with [`Operation::raw`](super::Operation::raw): JSON
/// that is there as bytes, such as the body of an answer.
///
/// Whoever writes it sees to it that the whole is one JSON value; hosts expect that.
#[derive(Debug)]
pub struct RawJson(Writer);

impl RawJson {
    pub(super) fn new(writer: Writer) -> RawJson {
        RawJson(writer)
    }

    /// Sends the next bytes.
    ///
    /// # Errors
    ///
    /// Nobody waits for the result any more (`cancelled`).
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), OperationError> {
        self.0.write(bytes.as_ref()).await
    }
}

/// A result that is there as a whole.
pub(super) fn whole<T: Serialize>(result: &T) -> Result<Bytes, OperationError> {
    serde_json::to_vec(result)
        .map(Bytes::from)
        .map_err(unwritable)
}

fn unwritable(error: serde_json::Error) -> OperationError {
    OperationError::coded(
        error_code::MARSHAL_ERROR,
        format!("the result cannot be JSON: {error}"),
    )
}
