//! What has to hold of the source tree and its files: the rules of `STYLE.md`, golden bytes, the
//! limits that the documentation names, and the corpus of the fuzz targets.
//!
//! The invariant it guards: what stands in a file beside the code agrees with the code.

mod format;
mod fuzz_corpus;
mod golden;
mod limits_page;
mod tidy;
