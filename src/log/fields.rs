//! Fixed little-endian fields, read and written in order.
//!
//! The only place that turns bytes into numbers. A read past the end yields `None`, never a panic:
//! the bytes come from a disk.

use crate::limits::COUNTER_MAX;

/// Reads fields one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A number that counts or names something and has room to grow; `None` if it has not.
    pub(crate) fn counter(&mut self) -> Option<u64> {
        self.u64().filter(|number| *number <= COUNTER_MAX)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn id(&mut self) -> Option<[u8; 16]> {
        self.array()
    }
}

/// The length of `bytes` as a number that can stand in a header.
pub(crate) fn len_u32(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("what is encoded was bounded by the limits before")
}

/// The length of `bytes` as a byte offset.
pub(crate) fn len_u64(bytes: &[u8]) -> u64 {
    u64_from(bytes.len())
}

/// A length in memory as a byte count.
pub(crate) fn u64_from(len: usize) -> u64 {
    u64::try_from(len).expect("a length in memory fits 64 bits")
}

/// A byte count read from a header, as a length in memory.
pub(crate) fn usize_from(count: u64) -> usize {
    usize::try_from(count).expect("counts are bounded by the limits, which fit memory")
}
