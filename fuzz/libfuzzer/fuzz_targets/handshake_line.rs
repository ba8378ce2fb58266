//! `handshake_line` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| outboard_fuzz::run("handshake_line", bytes));
