//! `ui_manifest` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| outboard_fuzz::run("ui_manifest", bytes));
