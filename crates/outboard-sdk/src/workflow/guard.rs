//! Runs a plugin author's code so that a panic in it becomes an error.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use crate::Error;

/// Waits for `work`. A panic becomes an error that begins with `what`.
///
/// What a panic leaves half-done belongs to the panicking code; the SDK's own
/// state is not touched while it runs.
pub(super) async fn guarded<T>(
    what: impl Fn() -> String,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut work = pin!(work);
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(panic) => Poll::Ready(Err(panicked(&what(), &*panic))),
        },
    )
    .await
}

/// The same for code that does not wait.
pub(super) fn guarded_now<T>(what: &str, work: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panicked(what, &*panic))
}

fn panicked(what: &str, panic: &(dyn Any + Send)) -> Error {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "no message",
    };
    Error::new(format!("{what} panicked: {text}"))
}
