//! Arbitrary bytes as a directory to open: `cargo fuzz run recovery_image`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sagalog_testkit::fuzz::recovery_image(bytes));
