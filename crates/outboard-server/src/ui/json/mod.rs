//! JSON for people: with indents, cut where it is long, and as a table where it is one.
//!
//! Both work on the text as it came, so that keys keep their order and numbers their
//! digits.

mod pretty;
mod table;

pub(crate) use self::{
    pretty::{Pretty, pretty},
    table::{Table, tables},
};
