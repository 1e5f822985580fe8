//! What can go wrong, one enum for each decision that a caller has to take.
//!
//! A variant exists only if a caller would act differently on it, and its text says what to do.
//! Bugs panic; what stands here are the world's faults.

mod append;
mod commit;
mod corruption;
mod displaced;
mod log;
mod open;
mod read;
pub(crate) mod saga;

pub use append::{Actual, AppendError, FailedGuard};
pub use commit::CommitError;
pub use corruption::CorruptionReport;
pub use displaced::Displaced;
pub use log::LogError;
pub use open::OpenError;
pub use read::ReadError;
pub use saga::{SagaError, WaitReason};
