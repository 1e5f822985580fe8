//! What a step reads: the saga's input, and the outputs of the steps it is after.
//!
//! The only way from a journal's bytes to the values of a definition. The invariant it guards: the
//! code of a step is given the outputs of the handles that it named, and nothing else.

use super::handle::{Handle, Label, Sealed};
use crate::{
    codec::{Codec, CodecError},
    limits::OUTPUT_BYTES_MAX,
    saga::{Failure, Plan, Progress, State, StepIndex},
};
use bytes::Bytes;

/// A saga's history, as the code of its definition reads it.
#[derive(Debug)]
pub struct Past<'a, C> {
    pub(super) codec: &'a C,
    pub(super) plan: &'a Plan,
    pub(super) state: &'a State,
}

impl<C> Past<'_, C> {
    /// What the saga was started with.
    pub(super) fn input<I>(&self) -> Result<I, Failure>
    where
        C: Codec<I>,
    {
        let input = self.codec.decode(&self.state.begun().input);
        input.map_err(|error| failed("the saga's input does not decode", &error))
    }

    /// What a step came to, if it was done.
    pub(super) fn output<T>(&self, step: StepIndex) -> Result<Option<T>, Failure>
    where
        C: Codec<T>,
    {
        let Some(output) = self.state.step(step).progress.output() else { return Ok(None) };
        match self.codec.decode(output) {
            Ok(output) => Ok(Some(output)),
            Err(error) => {
                let name = self.name(step);
                Err(failed(&format!("the output of step {name} does not decode"), &error))
            }
        }
    }

    fn name(&self, step: StepIndex) -> &str {
        self.plan.step(step).map_or("?", |step| step.name.as_str())
    }
}

fn failed(what: &str, error: &CodecError) -> Failure {
    Failure::failed(format!("{what}: {error}"))
}

/// The bytes of `value`: few enough, and such that they can be read back, since a saga whose
/// journal cannot be read is stuck for ever.
pub(super) fn encoded<T, C: Codec<T>>(codec: &C, value: &T) -> Result<Bytes, CodecError> {
    let bytes = codec.encode(value)?;
    if bytes.len() > OUTPUT_BYTES_MAX {
        let length = bytes.len();
        return Err(CodecError::new(format!("{length} bytes, the limit is {OUTPUT_BYTES_MAX}")));
    }
    codec.decode(&bytes)?;
    Ok(bytes.into())
}

/// What `after` takes: nothing, one handle, or a tuple of up to eight.
pub trait Sources<C>: Copy + Send + Sync + Sealed + 'static {
    /// What is given to who comes after them.
    type Outputs;

    #[doc(hidden)]
    fn labels(&self) -> Vec<Label>;

    #[doc(hidden)]
    fn read(&self, past: &Past<'_, C>) -> Result<Self::Outputs, Failure>;
}

impl<C, H: Handle> Sources<C> for H
where
    C: Codec<H::Output>,
{
    type Outputs = H::Given;

    fn labels(&self) -> Vec<Label> {
        vec![self.label()]
    }

    fn read(&self, past: &Past<'_, C>) -> Result<H::Given, Failure> {
        let step = self.label().step;
        let progress = &past.state.step(step).progress;
        // What was given up is not what was skipped.
        let resolved = progress.output().is_some() || *progress == Progress::Skipped;
        let given = if resolved { H::give(past.output(step)?) } else { None };
        given.ok_or_else(|| {
            Failure::failed(format!("step {} has no output to be read", past.name(step)))
        })
    }
}

macro_rules! sources {
    ($($handle:ident)*) => {
        impl<$($handle: Handle),*> Sealed for ($($handle,)*) {}

        impl<Codes, $($handle: Handle),*> Sources<Codes> for ($($handle,)*)
        where
            $(Codes: Codec<$handle::Output>,)*
        {
            type Outputs = ($($handle::Given,)*);

            #[expect(non_snake_case, reason = "each variable is called like its type")]
            fn labels(&self) -> Vec<Label> {
                let ($($handle,)*) = self;
                vec![$($handle.label()),*]
            }

            #[expect(non_snake_case, reason = "each variable is called like its type")]
            fn read(&self, past: &Past<'_, Codes>) -> Result<Self::Outputs, Failure> {
                let ($($handle,)*) = self;
                Ok(($(Sources::<Codes>::read($handle, past)?,)*))
            }
        }
    };
}

impl Sealed for () {}

impl<C> Sources<C> for () {
    type Outputs = ();

    fn labels(&self) -> Vec<Label> {
        Vec::new()
    }

    fn read(&self, _: &Past<'_, C>) -> Result<(), Failure> {
        Ok(())
    }
}

sources!(H1);
sources!(H1 H2);
sources!(H1 H2 H3);
sources!(H1 H2 H3 H4);
sources!(H1 H2 H3 H4 H5);
sources!(H1 H2 H3 H4 H5 H6);
sources!(H1 H2 H3 H4 H5 H6 H7);
sources!(H1 H2 H3 H4 H5 H6 H7 H8);
