//! Handles: steps of a definition that is being built, with the types of their outputs.
//!
//! No code of a step is here. The invariant it guards: a handle names a step that was defined
//! before whatever it is given to, and one of the same definition; what the compiler cannot see of
//! that, `build` does.

use crate::saga::StepIndex;
use std::{any::TypeId, fmt, marker::PhantomData};
use xxhash_rust::xxh3::xxh3_64;

/// A step whose output is there for everybody who comes after it.
pub struct StepOutput<T> {
    label: Label,
    output: PhantomData<fn() -> T>,
}

/// A step with a condition: those who come after it are given an `Option`.
pub struct OptionalOutput<T> {
    label: Label,
    output: PhantomData<fn() -> T>,
}

/// Which step of which definition, said in words, so that handles of two definitions are told
/// apart without a counter that all definitions would share.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Label {
    pub(super) step: StepIndex,
    words: u64,
    handle: TypeId,
}

impl Label {
    /// The label of a step that is handed out as an `H`.
    pub(super) fn new<H: 'static>(
        (definition, revision): (&str, u32),
        step: StepIndex,
        name: &str,
    ) -> Self {
        // No name has a zero byte, so the words cannot run into each other.
        let words = format!("{definition}\0{revision}\0{step}\0{name}");
        Self { step, words: xxh3_64(words.as_bytes()), handle: TypeId::of::<H>() }
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}", self.step)
    }
}

mod private {
    /// Keeps [`Handle`](super::Handle) and [`Sources`](super::super::Sources) to this crate.
    #[expect(unnameable_types, reason = "who could name it could implement it")]
    pub trait Sealed {}
}

pub(super) use private::Sealed;

/// [`StepOutput`] or [`OptionalOutput`].
pub trait Handle: Copy + Send + Sync + Sealed + 'static {
    /// What the step comes to.
    type Output: Send + 'static;
    /// What is given to those who read it.
    type Given;

    #[doc(hidden)]
    fn from_label(label: Label) -> Self;

    #[doc(hidden)]
    fn label(&self) -> Label;

    /// What is given for `output`, which is `None` if the step was skipped; nothing if that cannot
    /// be.
    #[doc(hidden)]
    fn give(output: Option<Self::Output>) -> Option<Self::Given>;
}

macro_rules! handle {
    ($handle:ident, $given:ty, $give:expr) => {
        impl<T: Send + 'static> Sealed for $handle<T> {}

        impl<T: Send + 'static> Handle for $handle<T> {
            type Output = T;
            type Given = $given;

            fn from_label(label: Label) -> Self {
                Self { label, output: PhantomData }
            }

            fn label(&self) -> Label {
                self.label
            }

            fn give(output: Option<T>) -> Option<$given> {
                $give(output)
            }
        }

        // By hand: a handle is copied whether or not its output can be.
        impl<T> Clone for $handle<T> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<T> Copy for $handle<T> {}

        impl<T> fmt::Debug for $handle<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($handle)).field(&self.label).finish()
            }
        }
    };
}

handle!(StepOutput, T, std::convert::identity);
handle!(OptionalOutput, Option<T>, Some);
