//! Sagalog.
pub mod ids;
pub mod runtime;
