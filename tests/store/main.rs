//! The contract of the event store, sentence by sentence, each as a test that would notice.
//!
//! Not a search: the simulation looks for what nobody thought of. Most of it runs on the simulated
//! disk, with the smallest segments, so that a few hundred appends make runs, merges and
//! rebuildings. The invariant these tests guard: what the documentation of `Store` says is so,
//! also while runs are written, merged, damaged and rebuilt underneath.

mod appends;
mod cancelling;
mod clock;
mod codec;
mod crashes;
mod damage;
mod failures;
mod fences;
mod guards;
mod host;
mod ids;
mod judges;
mod keys;
mod life;
mod limits;
mod made;
mod model;
mod random;
mod reads;
mod truth;
mod unreadable;
mod values;
mod whole;

use host::{Host, check, event, key, note, stream};
