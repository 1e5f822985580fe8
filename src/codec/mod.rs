//! Typed events: values of the user's own types in place of bytes, and old versions of them.
//!
//! The store below knows a payload as bytes with a type name, a schema version and a content type.
//! This layer turns an enum of events into those and back. It is built on the public vocabulary
//! alone, so everything here could stand in a user's crate; nothing of it decides how bytes lie on
//! disk. The invariant it guards: what [`EventCodec`] hands out to be stored can be read back by
//! it, and what cannot be read is an error that names the event, never a panic.
//!
//! * [`Codec`] turns one type into bytes and back. `Json` (feature `json`, on by default) and
//!   `Bincode` (feature `bincode`) do so for every type that serde knows; a codec of one's own
//!   needs neither feature.
//! * [`DomainEvent`] and [`CodedBy`] say which events an enum has; [`domain_events!`] writes both.
//! * [`EventCodec`] encodes and decodes such an enum.
//! * [`Upcasters`] lead from what was stored long ago to what the program knows today.
//!
//! Stored payloads are for ever: keep a file of each version's bytes and a test that reads it, as
//! `tests/golden/` of this crate does.

#[cfg(feature = "bincode")]
mod bincode;
#[cfg(feature = "bincode")]
mod bounded;
mod error;
mod event;
#[cfg(feature = "json")]
mod json;
mod schema;
mod upcast;

#[cfg(test)]
mod tests;

#[cfg(feature = "bincode")]
pub use self::bincode::Bincode;
#[cfg(feature = "json")]
pub use self::json::{Json, upcast_json};
pub use self::{
    error::{DecodeError, EncodeError, EventPlace, SchemaError, Subject},
    event::{EventCodec, Payload},
    schema::{CodedBy, DomainEvent, Schema},
    upcast::{Rename, Upcasters, upcast_typed},
};
#[doc(inline)]
pub use crate::domain_events;

use crate::event::ContentType;
use std::{error::Error, fmt, sync::Arc};

/// How a codec's bytes are labelled.
pub trait Encoding {
    /// What its payloads are; an event of another content type is not given to it.
    fn content_type(&self) -> ContentType;
}

/// Turns values of type `T` into bytes and back.
///
/// A codec is asked about each type of payload separately, so it can stand on serde, on generated
/// code, or on a few lines by hand:
///
/// ```
/// use sagalog::{ContentType, codec::{Codec, CodecError, Encoding}};
///
/// struct Decimal;
///
/// impl Encoding for Decimal {
///     fn content_type(&self) -> ContentType {
///         ContentType::custom(128).expect("codes from 128 on are free")
///     }
/// }
///
/// impl Codec<u64> for Decimal {
///     fn encode(&self, value: &u64) -> Result<Vec<u8>, CodecError> {
///         Ok(value.to_string().into_bytes())
///     }
///
///     fn decode(&self, bytes: &[u8]) -> Result<u64, CodecError> {
///         let text = std::str::from_utf8(bytes).map_err(CodecError::new)?;
///         text.parse().map_err(CodecError::new)
///     }
/// }
///
/// assert_eq!(Decimal.decode(&Decimal.encode(&1250)?)?, 1250);
/// # Ok::<(), CodecError>(())
/// ```
pub trait Codec<T>: Encoding {
    /// The value's bytes. The same value should give the same bytes every time: a repeated append
    /// is recognised by its content.
    ///
    /// # Errors
    /// [`CodecError`] if the format has no way to say this value.
    fn encode(&self, value: &T) -> Result<Vec<u8>, CodecError>;

    /// The value that `bytes` are, all of them. The bytes may come from anywhere: a codec neither
    /// panics nor allocates by a length that it has only read.
    ///
    /// # Errors
    /// [`CodecError`] if they are no such value.
    fn decode(&self, bytes: &[u8]) -> Result<T, CodecError>;
}

/// Why a codec, or a step between two versions, refused. Its text is that of its source.
#[derive(Clone, Debug)]
pub struct CodecError(Arc<dyn Error + Send + Sync>);

impl CodecError {
    /// A refusal for this reason: another error, or a text.
    pub fn new(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(reason.into().into())
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for CodecError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_ref())
    }
}
