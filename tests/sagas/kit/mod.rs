//! The test kit for sagas, tried on sagas that are right and on sagas with planted mistakes.
//!
//! Each mistake is one that the design knows from users of other engines. The invariant it guards:
//! the kit finds every one of them, says so in words, and has nothing to say of a saga without.

mod books;
mod claims;
mod crashes;
mod diamond;
mod edges;
mod order;
