#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nats_tcl_fuzz::checks::header(bytes));
