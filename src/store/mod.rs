//! merged below
