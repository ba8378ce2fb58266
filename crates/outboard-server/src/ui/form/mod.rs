//! Forms made from what operations and connectors declare, and what comes back of them.
//!
//! ```text
//! JSON Schema, Config fields ──► Field: what to show ──► HTML
//!                                   │
//! what a browser sends ──► Submitted ──► read ──► JSON, or what is wrong at which field
//! ```
//!
//! Nothing here knows HTTP or HTML; templates draw a [`Field`] as they like.

mod describe;
mod field;
mod read;
mod schema;
mod submitted;

pub(crate) use self::{
    field::{Control, Field, JsonKind},
    read::{Wrong, read, text_of},
    schema::{fields_of_config, fields_of_schema},
    submitted::Submitted,
};
