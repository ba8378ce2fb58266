//! The example host with a provider that stands on the real terraform-plugin-go. Without
//! Go each test says *skipped* by its name.
#![allow(clippy::unwrap_used)]

mod calls;
mod lifecycle;
mod reattach;
mod support;
