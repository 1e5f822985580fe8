//! A network between the machines of one world: calls that are lost, late, doubled, or answered by
//! nobody.
//!
//! It draws nothing: what becomes of a call is a [`Journey`], which whoever runs the world decides.
//! The invariant it guards: a call is answered with [`CallError::NotDelivered`] only if no copy of
//! it reaches a participant, now or later.
//!
//! [`CallError::NotDelivered`]: sagalog::runtime::CallError::NotDelivered
//!
//! # What may happen
//! * A request is lost or late, and so is its answer; two calls overtake each other because one of
//!   them is late.
//! * A second copy of a request arrives. The answer that comes first counts, and it says nothing
//!   certain about the other copy but what a participant remembers for ever: a `Busy` or `Fenced`
//!   of a call with two copies is unknown to its caller.
//! * A link is [cut](SimNetwork::cut) for a while, in one direction or both.
//! * A participant's process is gone: its machine refuses, or says nothing, and then the caller
//!   waits until its deadline.
//! * A participant dies while it decides: the connection breaks, or nothing is heard.

mod link;
mod transport;

pub use link::{Cut, Journey, Passage};
pub use transport::{Journeys, SimNetwork, SimTransport};

#[cfg(test)]
mod tests;
