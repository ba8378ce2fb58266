//! Plugins in processes of their own: real ones, and scripts that misbehave.

mod callback;
mod dependencies;
mod in_memory;
mod loading;
mod newest;
mod replacing;
mod support;
mod triggers;
