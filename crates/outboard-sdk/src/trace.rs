//! The trace that a call belongs to, as W3C Trace Context has it.
//!
//! A host that knows which trace its call is part of says so, and whatever the plugin does
//! for the call on the same task finds it here: to hand it on to services that it asks in
//! turn, or to name it in a log. Lines of [`log`](crate::log) have its id by themselves,
//! as `trace_id`, and calls to the host carry it.
//!
//! ```
//! use outboard_sdk::trace;
//!
//! // For a request that the plugin makes itself.
//! fn headers() -> Vec<(&'static str, String)> {
//!     let trace = trace::current();
//!     trace.iter().map(|trace| ("traceparent", trace.child().traceparent())).collect()
//! }
//! # assert!(headers().is_empty(), "nobody calls here");
//! ```
//!
//! A task that is spawned is another task: [`with_current`] lets it keep the trace.

pub use outboard_go_plugin::trace::{TraceContext, current, with_current};
