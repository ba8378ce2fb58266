//! What the contracts promise, checked against recorded bytes and by cases.
#![allow(clippy::unwrap_used)]

mod catalog;
mod connector;
mod golden;
mod manifest;
mod names;
mod parsers;
mod schemas;
mod ui;
mod values;
mod versions;
