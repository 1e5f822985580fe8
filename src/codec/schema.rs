//! Which events a type has: their names and versions, and the code between variants and payloads.
//!
//! A list for the program, not a registry in the store: nothing here is stored but the names and
//! numbers in each event.

use super::{CodecError, Encoding};
use std::fmt;

/// A type of event in one version of its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Schema {
    /// The name under which it is stored, an [`EventType`](crate::EventType). Never the name of a
    /// Rust type: those are renamed freely, stored ones are not.
    pub event_type: &'static str,
    /// The version of the payload, counted from 1.
    pub version: u32,
}

impl Schema {
    /// The event type in this version.
    pub const fn new(event_type: &'static str, version: u32) -> Self {
        Self { event_type, version }
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of version {}", self.event_type, self.version)
    }
}

/// The events of a domain: usually an enum with one variant for each type of event. Written by
/// [`domain_events!`](crate::domain_events), or by hand.
pub trait DomainEvent: Sized {
    /// Every type of event it has, in the version that this program writes.
    const SCHEMAS: &'static [Schema];

    /// Which of them this event is.
    fn schema(&self) -> Schema;
}

/// Events whose payloads a codec can write and read. Written by
/// [`domain_events!`](crate::domain_events), or by hand.
pub trait CodedBy<C: Encoding>: DomainEvent {
    /// The bytes of what the event says. Which type it is of stands beside them, not in them.
    ///
    /// # Errors
    /// [`CodecError`] if the codec refuses the value.
    fn encode_payload(&self, codec: &C) -> Result<Vec<u8>, CodecError>;

    /// The event of this type, in its current version, that says `bytes`.
    ///
    /// # Errors
    /// [`CodecError`] if the codec refuses the bytes, or there is no such type.
    fn decode_payload(codec: &C, event_type: &str, bytes: &[u8]) -> Result<Self, CodecError>;
}

/// Says under which name and in which version each variant of an enum is stored.
///
/// Writes [`DomainEvent`](crate::codec::DomainEvent) and, for every codec that knows all payloads,
/// [`CodedBy`](crate::codec::CodedBy). Each variant holds exactly one payload, a type of its own,
/// so that an old version of one payload can be kept as a type beside the new one. A variant that
/// is left out does not compile.
///
/// ```
/// use sagalog::codec::{DomainEvent, Schema};
///
/// struct OrderPlaced {
///     total_cents: u64,
/// }
/// struct OrderShipped;
///
/// enum OrderEvent {
///     Placed(OrderPlaced),
///     Shipped(OrderShipped),
/// }
///
/// sagalog::domain_events! {
///     OrderEvent {
///         Placed(OrderPlaced) = "OrderPlaced" version 2,
///         Shipped(OrderShipped) = "OrderShipped" version 1,
///     }
/// }
///
/// let placed = OrderEvent::Placed(OrderPlaced { total_cents: 1250 });
/// assert_eq!(placed.schema(), Schema::new("OrderPlaced", 2));
/// ```
#[macro_export]
macro_rules! domain_events {
    ($event:ident {
        $($variant:ident($payload:ty) = $event_type:literal version $version:literal),+ $(,)?
    }) => {
        impl $crate::codec::DomainEvent for $event {
            const SCHEMAS: &'static [$crate::codec::Schema] =
                &[$($crate::codec::Schema::new($event_type, $version)),+];

            fn schema(&self) -> $crate::codec::Schema {
                match self {
                    $(Self::$variant(_) => $crate::codec::Schema::new($event_type, $version),)+
                }
            }
        }

        impl<C> $crate::codec::CodedBy<C> for $event
        where
            C: $crate::codec::Encoding $(+ $crate::codec::Codec<$payload>)+,
        {
            fn encode_payload(
                &self,
                codec: &C,
            ) -> ::core::result::Result<::std::vec::Vec<u8>, $crate::codec::CodecError> {
                match self {
                    $(Self::$variant(payload) => {
                        $crate::codec::Codec::<$payload>::encode(codec, payload)
                    })+
                }
            }

            fn decode_payload(
                codec: &C,
                event_type: &str,
                bytes: &[u8],
            ) -> ::core::result::Result<Self, $crate::codec::CodecError> {
                $(if event_type == $event_type {
                    return $crate::codec::Codec::<$payload>::decode(codec, bytes)
                        .map(Self::$variant);
                })+
                ::core::result::Result::Err($crate::codec::CodecError::new(
                    ::std::format!("there is no variant for {event_type}"),
                ))
            }
        }
    };
}
