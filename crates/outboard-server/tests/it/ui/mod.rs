//! Pages for people, as a browser without a script sees them.

mod plugin;
mod run_it;
mod support;
