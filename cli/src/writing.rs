//! Opening a store to write to it, and what may be said of that.
//!
//! The invariants: a store that is there keeps what was chosen for it unless the command line says
//! otherwise; and one that is made takes whatever `export` can print.

use crate::{
    failure::{CANNOT_RUN, Failure, directory},
    new_file::is_of_a_store,
};
use clap::Args;
use sagalog::{
    Options, ReadOnlyLog, Store, limits::GROUP_BYTES_MAX, log::group::HEADER_BYTES,
    runtime::tokio::TokioRuntime,
};
use std::path::Path;

/// What a command that writes may say of the store. What it does not say stays as it is.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Choices {
    /// The largest commit that the store takes, with its group's header; kept in the store. A
    /// store that the command makes takes the largest there are, 8 MiB, unless told otherwise.
    #[arg(long, value_name = "BYTES")]
    group_bytes_max: Option<u64>,
    /// The size that the store's segments grow to, a power of two; kept in the store.
    #[arg(long, value_name = "BYTES")]
    segment_bytes: Option<u64>,
    /// Makes the store also in a directory that holds something else.
    #[arg(long)]
    among_others: bool,
}

impl Choices {
    /// Opens the store in `dir`; `create` says whether it is made if there is none.
    pub(crate) async fn open(self, dir: &Path, create: bool) -> Result<Store, Failure> {
        let runtime = if create {
            TokioRuntime::create(dir).map_err(|error| Failure::about(dir, &error, CANNOT_RUN))?
        } else {
            directory(dir)?
        };
        let opened = Store::open_with(&runtime, self.options(dir).create(create)).await;
        Ok(opened.map_err(|error| Failure::open(dir, &error))?.0)
    }

    fn options(self, dir: &Path) -> Options {
        let mut options = Options::default().among_others(self.among_others);
        if let Some(bytes) = self.segment_bytes {
            options = options.segment_bytes(bytes);
        }
        match self.group_bytes_max {
            Some(bytes) => options.group_bytes_max(bytes),
            None if is_of_a_store(dir) => options,
            None => options.group_bytes_max(self.of_new_store()),
        }
    }

    /// A group takes half of a segment at most.
    fn of_new_store(self) -> u64 {
        self.segment_bytes.map_or(GROUP_BYTES_MAX, |bytes| (bytes / 2).min(GROUP_BYTES_MAX))
    }

    /// The largest commit that the store in `dir` takes once it is opened so, in bytes.
    pub(crate) async fn commit_bytes_max(self, dir: &Path) -> u64 {
        let of_store = match TokioRuntime::open(dir) {
            // What keeps it from being looked at is told by its opening.
            Ok(runtime) => ReadOnlyLog::open_with(&runtime).await.ok(),
            Err(_) => None,
        };
        let of_store = of_store.map(|log| log.stats().chosen.group_bytes_max);
        let group = self.group_bytes_max.or(of_store).unwrap_or_else(|| self.of_new_store());
        group.saturating_sub(u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX))
    }
}
