//! The log as its users meet it: on real files and on a simulated disk, with every fault and at
//! every moment of a crash.
//!
//! Not a search: the simulation looks for what nobody thought of. One binary, because linking the
//! engine costs more than most of these tests. The invariant they guard: what was acknowledged is
//! read back, or opening names the damage.

mod bare;
mod crash;
mod crash_images;
mod faults;
mod judged;
mod judges;
mod read_only;
mod regressions;
