//! The `outboard` program as people and scripts use it: a real process each time.
#![allow(clippy::unwrap_used)]

mod check;
mod config;
mod connector;
mod connector_author;
mod doctor;
mod help;
mod plugin;
mod run;
mod serve;
mod support;
mod token;
mod ui;
