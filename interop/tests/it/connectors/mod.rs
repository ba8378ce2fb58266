//! The connector family: hosts and connectors in Rust and Go, the packages that they come
//! in, and the versions that they agree on.

mod calls;
mod every_case;
mod installed;
mod packages;
mod recorded;
mod support;
mod versions;
