//! Calls over real sockets of this machine, and what goes wrong with them.
//!
//! No test waits for a fixed time or uses a fixed port: what has to happen later is waited for, and
//! what takes too long fails by the deadline of a call. The invariant these tests guard: whoever
//! calls is told what is certain, and nothing else.
#![expect(clippy::disallowed_methods, reason = "real sockets and tasks, on the host's side")]

mod calls;
mod failures;
mod service;
mod shutdown;
mod strangers;
