//! Calls into foreign code: a deadline, and a panic that fails only the call.

use std::{
    any::Any, future::Future, panic::AssertUnwindSafe, pin::pin, task::Poll, time::Duration,
};

use super::EngineError;

/// Runs `future`; a panic in it becomes an error, and so does its deadline.
/// Dropping the result drops the future.
pub(crate) async fn call<T>(
    what: impl Fn() -> String,
    deadline: Option<Duration>,
    future: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    let caught = catch_panic(future);
    let outcome = match deadline {
        None => caught.await,
        Some(after) => match tokio::time::timeout(after, caught).await {
            Ok(outcome) => outcome,
            Err(_) => {
                return Err(EngineError::Timeout {
                    what: what(),
                    after,
                });
            }
        },
    };
    outcome.unwrap_or_else(|message| {
        Err(EngineError::Panicked {
            what: what(),
            message,
        })
    })
}

/// Runs a function; a panic in it becomes an error.
pub(crate) fn call_now<T>(
    what: impl Fn() -> String,
    function: impl FnOnce() -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    std::panic::catch_unwind(AssertUnwindSafe(function)).unwrap_or_else(|panic| {
        Err(EngineError::Panicked {
            what: what(),
            message: panic_text(&*panic),
        })
    })
}

/// Polls `future` so that its panic is a value. It is not polled again after one.
pub(crate) async fn catch_panic<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let mut future = pin!(future);
    std::future::poll_fn(move |context| {
        match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic_text(&*panic))),
        }
    })
    .await
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a text".to_owned()
    }
}
