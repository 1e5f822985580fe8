//! JSON payloads: readable in every dump, and tolerant of fields that it does not know.
//!
//! Nothing of `serde_json` shows but its value type, in [`upcast_json`]. Depth is bounded by
//! `serde_json` itself, at 128 levels when reading.

use super::{Codec, CodecError, Encoding};
use crate::event::ContentType;
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Encodes what serde knows as JSON text without spaces.
///
/// JSON has no numbers that are not finite: `serde_json` writes `null` for them. Where the field is
/// a plain float, [`EventCodec`](super::EventCodec) notices and refuses the event; in an `Option`
/// they come back as `None`. Finite numbers keep every bit.
///
/// ```
/// use sagalog::codec::{Codec, Json};
///
/// assert_eq!(Json.encode(&(17_u64, "placed".to_owned()))?, br#"[17,"placed"]"#);
/// # Ok::<(), sagalog::codec::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json;

impl Encoding for Json {
    fn content_type(&self) -> ContentType {
        ContentType::Json
    }
}

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn encode(&self, value: &T) -> Result<Vec<u8>, CodecError> {
        serde_json::to_vec(value).map_err(CodecError::new)
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, CodecError> {
        serde_json::from_slice(bytes).map_err(CodecError::new)
    }
}

/// A step between versions as a function on JSON values; it needs no old types.
///
/// A value holds integers of up to 64 bits and turns longer ones into floats. A payload with such
/// integers is led on by [`upcast_typed`](super::upcast_typed).
///
/// ```
/// use sagalog::codec::{CodecError, Schema, Upcasters, upcast_json};
///
/// let upcasters = Upcasters::new().next(
///     Schema::new("OrderPlaced", 1),
///     upcast_json(|mut order| {
///         let fields = order.as_object_mut().ok_or_else(|| CodecError::new("no object"))?;
///         fields.insert("currency".to_owned(), "EUR".into());
///         Ok(order)
///     }),
/// );
/// ```
pub fn upcast_json(
    upcast: impl Fn(Value) -> Result<Value, CodecError> + Send + Sync + 'static,
) -> impl Fn(Bytes) -> Result<Bytes, CodecError> + Send + Sync + 'static {
    move |payload| {
        let value = serde_json::from_slice(&payload).map_err(CodecError::new)?;
        let value = upcast(value)?;
        serde_json::to_vec(&value).map(Bytes::from).map_err(CodecError::new)
    }
}
