//! Operating system and processor, in the words of Go that packages use.

pub use outboard_contracts::connector::platform::host;
