//! The promises of the participant kit, each as a test that would notice.
//!
//! Participants run on simulated disks and are called directly: what a network does to calls is
//! written out as deliveries that come twice, late, in another order, or at the same time. The
//! invariant these tests guard: whatever is delivered, and whatever crashes, the books hold at most
//! one effect for each key, and no answer says otherwise.

mod crashes;
mod judge;
mod random;
mod service;
mod stories;
