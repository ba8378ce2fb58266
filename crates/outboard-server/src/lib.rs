//! HTTP API of Outboard.
