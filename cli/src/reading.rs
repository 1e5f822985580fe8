//! Opening a store to read its events, and which events a reader asks for.

use crate::{
    failure::{Failure, directory},
    time,
};
use sagalog::{Position, Read, ReadOnlyStore, Store, runtime::WallTime};
use std::{path::Path, str::FromStr};

/// Opens beside whoever writes. Nothing is created or changed.
pub(crate) async fn open(dir: &Path) -> Result<ReadOnlyStore, Failure> {
    let runtime = directory(dir)?;
    let opened = Store::open_read_only_with(&runtime).await;
    opened.map_err(|error| Failure::open(dir, &error))
}

/// The moment whose log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AsOf {
    Position(u64),
    /// Nanoseconds since 1970, by the store's clock.
    Time(u64),
}

impl FromStr for AsOf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(position) = text.parse() {
            return Ok(Self::Position(position));
        }
        time::parse(text).map(Self::Time).map_err(|error| format!("no position, and {error}"))
    }
}

impl AsOf {
    pub(crate) fn of(self, read: Read) -> Read {
        match self {
            Self::Position(position) => read.as_of_position(Position::new(position)),
            Self::Time(nanos) => read.as_of_time(WallTime::from_unix_nanos(nanos)),
        }
    }
}
