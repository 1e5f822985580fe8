//! Upcasters: how a payload that was stored long ago becomes one that the program knows today.
//!
//! Each step leads from one version to the next, on bytes, and names both ends, so that a chain can
//! be checked before there is an event to read. Nothing stored is ever rewritten. The invariant:
//! a chain that was accepted ends at a current schema, however it is entered.

use super::{Codec, CodecError, Schema, SchemaError};
use bytes::Bytes;
use std::{collections::BTreeMap, fmt, sync::Arc};

type Upcast = Arc<dyn Fn(Bytes) -> Result<Bytes, CodecError> + Send + Sync>;

/// Both ends of a step that changes the name of a type, its version, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rename {
    /// What is stored.
    pub from: Schema,
    /// What it becomes.
    pub to: Schema,
}

#[derive(Clone)]
pub(super) struct Step {
    pub(super) from: Schema,
    to: Schema,
    upcast: Upcast,
}

/// The steps from old versions to newer ones, in any order.
///
/// A step is a function from payload to payload: [`upcast_typed`] makes one from an old type and a
/// new one, `upcast_json` from a function on JSON values. Where only a name changes, or a codec
/// fills new fields in by itself, the step is `Ok`. A step must not depend on anything but the
/// payload, or the same event would read differently from day to day.
///
/// ```
/// use sagalog::codec::{CodecError, Rename, Schema, Upcasters};
///
/// let upcasters = Upcasters::new()
///     // The type was called OrderMade at first.
///     .rename(
///         Rename { from: Schema::new("OrderMade", 1), to: Schema::new("OrderPlaced", 1) },
///         Ok,
///     )
///     // Version 1 counted in euros, version 2 counts in cents.
///     .next(Schema::new("OrderPlaced", 1), |euros| {
///         let euros: u64 =
///             str::from_utf8(&euros).map_err(CodecError::new)?.parse().map_err(CodecError::new)?;
///         Ok((euros * 100).to_string().into())
///     });
/// ```
#[derive(Clone, Default)]
#[must_use = "upcasters are used by the event codec that they are given to"]
pub struct Upcasters {
    steps: Vec<Step>,
}

impl Upcasters {
    /// No steps.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the step from this version to the next one of the same type.
    pub fn next<F>(self, from: Schema, upcast: F) -> Self
    where
        F: Fn(Bytes) -> Result<Bytes, CodecError> + Send + Sync + 'static,
    {
        // The last version leads to itself, which is found to be a circle.
        let to = Schema::new(from.event_type, from.version.saturating_add(1));
        self.rename(Rename { from, to }, upcast)
    }

    /// Adds the step from one type to another.
    pub fn rename<F>(mut self, ends: Rename, upcast: F) -> Self
    where
        F: Fn(Bytes) -> Result<Bytes, CodecError> + Send + Sync + 'static,
    {
        let Rename { from, to } = ends;
        self.steps.push(Step { from, to, upcast: Arc::new(upcast) });
        self
    }

    /// The steps, if all of their chains end in one of these schemas.
    pub(super) fn check(self, current: &[Schema]) -> Result<Chains, SchemaError> {
        let mut steps = BTreeMap::new();
        for step in self.steps {
            let Schema { event_type, version } = step.from;
            if current.contains(&step.from) {
                return Err(SchemaError::FromCurrent(step.from));
            }
            if let Some(twice) = steps.insert((event_type, version), step) {
                return Err(SchemaError::Twice(twice.from));
            }
        }
        let chains = Chains { steps };
        for step in chains.steps.values() {
            chains.check_end(step.from, current)?;
        }
        Ok(chains)
    }
}

impl fmt::Debug for Upcasters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.steps.iter().map(|step| (step.from, step.to))).finish()
    }
}

/// Checked steps, by where they begin.
pub(super) struct Chains {
    steps: BTreeMap<(&'static str, u32), Step>,
}

impl Chains {
    fn check_end(&self, from: Schema, current: &[Schema]) -> Result<(), SchemaError> {
        let mut end = from;
        // Whoever takes more steps than there are takes one of them twice.
        for _ in 0..=self.steps.len() {
            match self.step(end.event_type, end.version) {
                Some(step) => end = step.to,
                None if current.contains(&end) => return Ok(()),
                None => return Err(SchemaError::DeadEnd { from, end }),
            }
        }
        Err(SchemaError::Cycle(from))
    }

    /// The step that begins here.
    pub(super) fn step<'a>(&'a self, event_type: &'a str, version: u32) -> Option<&'a Step> {
        self.steps.get(&(event_type, version))
    }

    /// The newest version of this type at which a step begins.
    pub(super) fn newest(&self, event_type: &str) -> Option<u32> {
        let of_type = self.steps.keys().filter(|(name, _)| *name == event_type);
        of_type.map(|(_, version)| *version).max()
    }

    /// Takes `step` and all that follow it: the payload, and what it has become; or the step that
    /// refused.
    pub(super) fn walk(
        &self,
        step: &Step,
        payload: Bytes,
    ) -> Result<(Schema, Bytes), (Schema, CodecError)> {
        let (mut step, mut payload) = (step, payload);
        loop {
            payload = (step.upcast)(payload).map_err(|source| (step.from, source))?;
            match self.step(step.to.event_type, step.to.version) {
                Some(next) => step = next,
                None => return Ok((step.to, payload)),
            }
        }
    }
}

/// A step that decodes the old type, turns it into the new one and encodes that.
///
/// The old type stays in the program for as long as events of it are stored.
///
/// ```
/// # use sagalog::codec::{Codec, CodecError, Encoding};
/// use sagalog::codec::{Schema, Upcasters, upcast_typed};
/// # #[derive(Clone, Copy)]
/// # struct Decimal;
/// # impl Encoding for Decimal {
/// #     fn content_type(&self) -> sagalog::ContentType {
/// #         sagalog::ContentType::custom(128).expect("128 is free")
/// #     }
/// # }
/// # impl Codec<u64> for Decimal {
/// #     fn encode(&self, value: &u64) -> Result<Vec<u8>, CodecError> {
/// #         Ok(value.to_string().into_bytes())
/// #     }
/// #     fn decode(&self, bytes: &[u8]) -> Result<u64, CodecError> {
/// #         str::from_utf8(bytes).map_err(CodecError::new)?.parse().map_err(CodecError::new)
/// #     }
/// # }
///
/// // `Decimal` is a codec of numbers.
/// let cents_of_euros = |euros: u64| -> Result<u64, CodecError> {
///     euros.checked_mul(100).ok_or_else(|| CodecError::new("more money than there is"))
/// };
/// let upcasters = Upcasters::new()
///     .next(Schema::new("OrderPlaced", 1), upcast_typed(Decimal, cents_of_euros));
/// ```
pub fn upcast_typed<Old, New, C>(
    codec: C,
    upcast: impl Fn(Old) -> Result<New, CodecError> + Send + Sync + 'static,
) -> impl Fn(Bytes) -> Result<Bytes, CodecError> + Send + Sync + 'static
where
    C: Codec<Old> + Codec<New> + Send + Sync + 'static,
{
    move |payload| {
        let old = Codec::<Old>::decode(&codec, &payload)?;
        Codec::<New>::encode(&codec, &upcast(old)?).map(Bytes::from)
    }
}
