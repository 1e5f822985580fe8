//! The numbers that name things, each a type of its own so that they cannot be swapped.
//!
//! No arithmetic beyond "the next one" and distances; no I/O, no parsing of file names.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(u64);

        impl $name {
            /// Wraps the bare number.
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The bare number.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The number `count` further on.
            ///
            /// # Panics
            /// If the sum exceeds `u64::MAX`, which no log can reach.
            #[must_use]
            pub const fn plus(self, count: u64) -> Self {
                Self(self.0.checked_add(count).expect("a 64-bit counter does not run out"))
            }

            /// The next number.
            ///
            /// # Panics
            /// See [`Self::plus`].
            #[must_use]
            pub const fn next(self) -> Self {
                self.plus(1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A place in the whole log: dense from 0, one for every event of every commit.
    Position
}
number! {
    /// A segment file. Segments are numbered from 1 without gaps; a number is never used again.
    SegmentId
}
number! {
    /// A group of commits within the log, numbered from 1 without gaps. Internal to the log.
    Sequence
}
number! {
    /// One writer's time in office, raised by every open for writing.
    Epoch
}

number! {
    /// A place in a stream: dense from 0.
    Revision
}
number! {
    /// Proof of the right to act: a number that only grows. An append that carries a smaller one
    /// than the fence has seen is refused.
    FencingToken
}

impl Sequence {
    /// The number of the group before this one; 0 if this is the first.
    #[must_use]
    pub const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

/// The random identity of a store, drawn when its directory is made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId([u8; 16]);

impl StoreId {
    /// The identity with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The identity's bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreId({self})")
    }
}
