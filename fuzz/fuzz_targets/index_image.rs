//! Arbitrary bytes as forged places of an index: `cargo fuzz run index_image`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sagalog_testkit::fuzz::index_image(bytes));
