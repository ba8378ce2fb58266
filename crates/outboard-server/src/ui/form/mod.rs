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
mod view;

#[cfg(test)]
pub(crate) use self::schema::fields_of_schema;
pub(crate) use self::{
    field::{Control, Field, JsonKind},
    read::{Wrong, json, read, text_of},
    schema::fields_of_config,
    submitted::Submitted,
    view::{FieldView, typed_or_initial, views},
};
