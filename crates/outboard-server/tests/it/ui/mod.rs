//! Pages for people, as a browser without a script sees them.

mod brought;
mod catalog;
mod plugin;
mod run_it;
mod runs;
mod settings;
mod support;
