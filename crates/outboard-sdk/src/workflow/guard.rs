//! Runs a plugin author's code so that a panic in it becomes an [`Error`].

use std::future::Future;

use crate::{
    Error,
    guard::{caught, caught_now},
};

/// Waits for `work`. A panic becomes an error that begins with `what`.
pub(super) async fn guarded<T>(
    what: impl Fn() -> String,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match caught(work).await {
        Ok(outcome) => outcome,
        Err(panic) => Err(panicked(&what(), &panic)),
    }
}

/// The same for code that does not wait.
pub(super) fn guarded_now<T>(what: &str, work: impl FnOnce() -> T) -> Result<T, Error> {
    caught_now(work).map_err(|panic| panicked(what, &panic))
}

fn panicked(what: &str, panic: &str) -> Error {
    Error::new(format!("{what} panicked: {panic}"))
}
