//! Where connectors are found: lists of what can be installed, read and written.
