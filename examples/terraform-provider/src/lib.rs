//! A host of Terraform providers: plugins in Go that this project had no part in.
//!
//! It shows all that a host of a foreign plugin family needs. The family's `.proto`,
//! cut down to what is used, is in `proto/`; tonic's client for it is in `generated`;
//! [`Provider`] starts the process and puts the calls into the words of the family.
//! Everything below that comes with `outboard-go-plugin`.

pub mod failure;
pub mod generated;
pub mod provider;
pub mod show;
pub mod value;

pub use self::{
    failure::Failure,
    provider::{Plan, Provider, State},
};

// What the guide shows compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/embedding.md")]
struct Guide;
