//! `bincode` payloads: small, fast to read, without field names.
//!
//! No format on disk stands on it: these are bytes inside a payload, and only of users who switch
//! the feature on. Reading goes through [`super::bounded`], since bytes may come from anywhere.

use super::{
    Codec, CodecError, Encoding,
    bounded::{self, Values},
};
use crate::{event::ContentType, limits::GROUP_BYTES_MAX};
use ::bincode::{
    config::{self, Configuration, Limit, LittleEndian, Varint},
    serde::{encode_to_vec, seed_decode_from_slice},
};
use serde::{Serialize, de::DeserializeOwned};

/// The largest payload: no group of the log holds a larger one.
const PAYLOAD_BYTES_MAX: usize = 8 << 20;

const _: () = assert!(PAYLOAD_BYTES_MAX as u64 == GROUP_BYTES_MAX);

/// `bincode` counts each number by its size in memory, up to 16 bytes for one that was written.
const COUNTED_BYTES_MAX: usize = 16 * PAYLOAD_BYTES_MAX;

/// Little-endian, integers of variable length. Fixed for ever: payloads are stored in it.
const CONFIG: Configuration<LittleEndian, Varint, Limit<COUNTED_BYTES_MAX>> =
    config::standard().with_limit::<COUNTED_BYTES_MAX>();

/// Encodes what serde knows in `bincode` 2, with its standard configuration.
///
/// **`bincode` is unmaintained** (RUSTSEC-2025-0141), in all versions: this feature pins 2.0.1, the
/// last one that works. Choose it where payloads have to be small and are yours alone; `Json` is
/// the one to begin with.
///
/// The bytes have no field names. Every change of a type, also the order of fields or variants, is
/// a new schema version with an [upcaster](super::upcast_typed), and serde's attributes that leave
/// fields out or look ahead (`skip_serializing_if`, `flatten`, `untagged`, `tag`) do not work.
/// [`EventCodec`](super::EventCodec) refuses what cannot be read back; what reads back as something
/// else is for your golden files to notice.
///
/// A payload is at most 8 MiB, and at most 128 values lie within each other.
///
/// ```
/// use sagalog::codec::{Bincode, Codec};
///
/// assert_eq!(Bincode.encode(&(17_u64, "placed".to_owned()))?, b"\x11\x06placed");
/// # Ok::<(), sagalog::codec::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bincode;

impl Encoding for Bincode {
    fn content_type(&self) -> ContentType {
        ContentType::Bincode
    }
}

impl<T: Serialize + DeserializeOwned> Codec<T> for Bincode {
    fn encode(&self, value: &T) -> Result<Vec<u8>, CodecError> {
        encode_to_vec(value, CONFIG).map_err(CodecError::new)
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, CodecError> {
        if bytes.len() > PAYLOAD_BYTES_MAX {
            let length = bytes.len();
            let reason = format!("the payload has {length} bytes, at most {PAYLOAD_BYTES_MAX}");
            return Err(CodecError::new(reason));
        }
        let (value, read) =
            seed_decode_from_slice(bounded::seed(&Values::default()), bytes, CONFIG)
                .map_err(CodecError::new)?;
        match bytes.len() - read {
            0 => Ok(value),
            rest => Err(CodecError::new(format!("{rest} bytes stand behind the value"))),
        }
    }
}
