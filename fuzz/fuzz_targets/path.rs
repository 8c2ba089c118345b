//! `cargo +nightly fuzz run --features libfuzzer path`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| causeway_fuzz::path(data));
