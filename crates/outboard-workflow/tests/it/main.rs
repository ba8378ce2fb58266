//! The engine, and plugins in processes of their own.
#![allow(clippy::unwrap_used)]

mod engine;
mod external;
