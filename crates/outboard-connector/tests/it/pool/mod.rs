//! The pool and its client, with real processes.

mod calls;
mod failures;
mod lifecycle;
mod recorded;
mod replace;
mod support;
mod together;
mod verified;
