//! The commands of `cargo sim`, one file each. Nothing is decided here.

pub mod planted;
