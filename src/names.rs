//! The names that users give: of streams, types, tags, keys, consumers, fences and operations.
//!
//! Each is a type of its own, checked once when it is made and cheap to clone. No meaning beyond
//! that: who may write to which stream is decided by the store. The invariant: a name that exists
//! is 1 to 255 bytes of UTF-8 without control characters.

use crate::limits::{EFFECT_KEY_BYTES_MAX, NAME_BYTES_MAX, PART_BYTES_MAX, SAGA_ID_BYTES_MAX};
use std::{borrow::Borrow, error::Error, fmt, str::FromStr, sync::Arc};

/// Names that begin so belong to Sagalog and to engines that are built on it.
pub(crate) const SYSTEM_PREFIX: char = '$';

/// Why a text is no name. Choose another one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// A name has at least one byte.
    Empty,
    /// The name is too long.
    TooLong {
        /// Bytes of the name.
        bytes: usize,
        /// Bytes that are allowed.
        limit: usize,
    },
    /// A control character stands in it.
    Control {
        /// Where, in bytes from the start.
        at: usize,
    },
    /// The bytes are not UTF-8.
    NotUtf8 {
        /// Where, in bytes from the start.
        at: usize,
    },
    /// A slash stands in it.
    Slash {
        /// Where, in bytes from the start.
        at: usize,
    },
    /// Names that begin with `$` are reserved; see [`StreamId::system`].
    Reserved,
    /// A system name begins with `$`; this one does not.
    NotReserved,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a name has at least one byte"),
            Self::TooLong { bytes, limit } => {
                write!(f, "the name has {bytes} bytes, the limit is {limit}")
            }
            Self::Control { at } => write!(f, "a control character stands at byte {at}"),
            Self::NotUtf8 { at } => write!(f, "the name is not UTF-8 from byte {at} on"),
            Self::Slash { at } => write!(f, "a slash stands at byte {at}"),
            Self::Reserved => f.write_str("names that begin with `$` are reserved"),
            Self::NotReserved => f.write_str("the name of a system stream begins with `$`"),
        }
    }
}

impl Error for NameError {}

pub(crate) fn check_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong { bytes: name.len(), limit: NAME_BYTES_MAX });
    }
    match name.char_indices().find(|(_, letter)| letter.is_control()) {
        Some((at, _)) => Err(NameError::Control { at }),
        None => Ok(()),
    }
}

fn check_free(name: &str) -> Result<(), NameError> {
    check_name(name)?;
    if name.starts_with(SYSTEM_PREFIX) { Err(NameError::Reserved) } else { Ok(()) }
}

fn check_effect_key(name: &str) -> Result<(), NameError> {
    check_name(name)?;
    if name.len() > EFFECT_KEY_BYTES_MAX {
        return Err(NameError::TooLong { bytes: name.len(), limit: EFFECT_KEY_BYTES_MAX });
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a name.
            ///
            /// # Errors
            /// [`NameError`] says what is wrong with it.
            pub fn parse(name: &str) -> Result<Self, NameError> {
                $check(name)?;
                Ok(Self(name.into()))
            }

            /// Checks a name that came as bytes.
            ///
            /// # Errors
            /// [`NameError`] says what is wrong with it.
            pub fn parse_bytes(name: &[u8]) -> Result<Self, NameError> {
                let name = std::str::from_utf8(name)
                    .map_err(|error| NameError::NotUtf8 { at: error.valid_up_to() })?;
                Self::parse(name)
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &*self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::parse(name)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = NameError;

            fn try_from(name: &str) -> Result<Self, NameError> {
                Self::parse(name)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// The name of a stream: the ordered events of one aggregate.
    ///
    /// What stands before the first `-` is the stream's category: `order-17` is of category
    /// `order`. A name without `-` is a category of its own.
    ///
    /// ```
    /// use sagalog::{NameError, StreamId};
    ///
    /// let stream = StreamId::parse("order-17")?;
    /// assert_eq!(stream.category(), "order");
    /// assert_eq!(StreamId::parse("$mine"), Err(NameError::Reserved));
    /// # Ok::<(), NameError>(())
    /// ```
    StreamId, check_free
}
name! {
    /// The name of an event type, such as `OrderPlaced`.
    EventType, check_free
}
name! {
    /// A tag: what an event is about, beyond its stream, such as `course:c1`.
    Tag, check_name
}
name! {
    /// The identity of a command. An append that carries the key of one that was committed is
    /// answered with the original answer and stores nothing.
    CommandKey, check_free
}
name! {
    /// The name of a consumer whose checkpoint is kept in the store.
    ConsumerId, check_free
}
name! {
    /// The name of a fence: a counter that shuts out those who act on an older right.
    FenceName, check_free
}

name! {
    /// What a participant is asked to do, such as `reserve`.
    Operation, check_name
}
name! {
    /// The identity of an effect at a participant: the same for every attempt of an action and for
    /// its compensation, and never used for another effect. At most
    /// [`EFFECT_KEY_BYTES_MAX`] bytes.
    EffectKey, check_effect_key
}

impl CommandKey {
    /// A key of an engine that is built on the store. No caller can use it up.
    ///
    /// # Panics
    /// If it is none: only the engine's own words come here.
    pub(crate) fn system(name: &str) -> Self {
        Self(StreamId::system(name).expect("an engine names its keys properly").0)
    }
}

impl FenceName {
    /// A fence of an engine that is built on the store. No caller can raise it.
    ///
    /// # Panics
    /// If it is none: only the engine's own words come here.
    pub(crate) fn system(name: &str) -> Self {
        Self(StreamId::system(name).expect("an engine names its fences properly").0)
    }
}

impl StreamId {
    /// The name of a system stream, which begins with `$`. Such streams hold the journals of
    /// engines that are built on the store; reads of the whole log leave them out unless asked.
    ///
    /// # Errors
    /// [`NameError::NotReserved`] if the name does not begin with `$`.
    pub fn system(name: &str) -> Result<Self, NameError> {
        check_name(name)?;
        if name.starts_with(SYSTEM_PREFIX) {
            Ok(Self(name.into()))
        } else {
            Err(NameError::NotReserved)
        }
    }

    /// Whether this is a system stream.
    pub fn is_system(&self) -> bool {
        is_system(&self.0)
    }

    /// What stands before the first `-`.
    pub fn category(&self) -> &str {
        category_of(&self.0)
    }
}

fn check_saga(name: &str) -> Result<(), NameError> {
    check_free(name)?;
    bound(name, SAGA_ID_BYTES_MAX)
}

fn check_part(name: &str) -> Result<(), NameError> {
    check_free(name)?;
    bound(name, PART_BYTES_MAX)?;
    // A slash parts the names in the key of an effect.
    name.find('/').map_or(Ok(()), |at| Err(NameError::Slash { at }))
}

fn bound(name: &str, limit: usize) -> Result<(), NameError> {
    if name.len() > limit { Err(NameError::TooLong { bytes: name.len(), limit }) } else { Ok(()) }
}

name! {
    /// The name of a saga, given by who starts it: starting it again joins the first one. At most
    /// 120 bytes.
    SagaId, check_saga
}
name! {
    /// The name of a saga's definition; at most 64 bytes, without `/`.
    DefinitionName, check_part
}
name! {
    /// The name of a step, unique in its definition; at most 64 bytes, without `/`.
    StepName, check_part
}

impl EventType {
    /// A type of the store's own.
    pub(crate) fn system(name: &'static str) -> Self {
        assert!(name.starts_with(SYSTEM_PREFIX), "system types are named as such");
        Self(name.into())
    }
}

/// Whether `stream` is the name of a system stream.
pub(crate) fn is_system(stream: &str) -> bool {
    stream.starts_with(SYSTEM_PREFIX)
}

/// What stands before the first `-` of a stream's name.
pub(crate) fn category_of(stream: &str) -> &str {
    stream.split_once('-').map_or(stream, |(category, _)| category)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_at_their_bounds() {
        let longest = "x".repeat(NAME_BYTES_MAX);
        let longer = "x".repeat(NAME_BYTES_MAX + 1);
        let too_long = NameError::TooLong { bytes: 256, limit: 255 };
        let table: [(&str, Result<(), NameError>); 9] = [
            ("order-1", Ok(())),
            ("", Err(NameError::Empty)),
            (&longest, Ok(())),
            (&longer, Err(too_long)),
            ("a\nb", Err(NameError::Control { at: 1 })),
            ("ä\u{85}", Err(NameError::Control { at: 2 })),
            ("$order", Err(NameError::Reserved)),
            ("order$", Ok(())),
            ("  ", Ok(())),
        ];
        for (name, expected) in table {
            assert_eq!(StreamId::parse(name).map(|_| ()), expected, "{name:?}");
        }
    }

    #[test]
    fn an_effect_key_leaves_room_for_names_made_of_it() {
        assert!(EffectKey::parse(&"x".repeat(EFFECT_KEY_BYTES_MAX)).is_ok());
        let longer = EffectKey::parse(&"x".repeat(EFFECT_KEY_BYTES_MAX + 1));
        assert_eq!(longer, Err(NameError::TooLong { bytes: 201, limit: 200 }));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_no_name() {
        let parsed = StreamId::parse_bytes(b"or\xffder");
        assert_eq!(parsed, Err(NameError::NotUtf8 { at: 2 }));
    }

    #[test]
    fn a_system_stream_is_named_on_purpose() {
        assert!(StreamId::system("$saga-1").is_ok_and(|stream| stream.is_system()));
        assert_eq!(StreamId::system("saga-1"), Err(NameError::NotReserved));
    }

    #[test]
    fn a_name_without_a_dash_is_its_own_category() {
        for (stream, category) in [("order-1-2", "order"), ("order", "order"), ("-x", "")] {
            assert_eq!(category_of(stream), category);
        }
    }
}
