//! Derive macros of the Outboard SDK. Use them through `outboard_sdk::connector`.
