//! `cargo +nightly fuzz run --features libfuzzer docker`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| causeway_fuzz::docker(data));
