//! Peers in three languages: each pair is held to one list of cases, and to what
//! a list cannot say, such as crashes and handshake lines.
#![allow(clippy::unwrap_used)]

mod authority;
mod callbacks;
mod cases_for_every_pair;
mod connectors;
mod crashes;
mod front_page;
mod handshake_lines;
mod logs;
mod manager;
mod matrix;
mod support;
mod tls_versions;
mod verified;
mod yamux;
