//! `cargo +nightly fuzz run --features libfuzzer wire`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| causeway_fuzz::wire(data));
