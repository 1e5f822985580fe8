//! The event codec: events of a domain to events of the store, and back.
//!
//! It knows names, versions and content types; what bytes mean is the [`Codec`](super::Codec)'s
//! business, and how old ones are read the upcasters'. The invariant: every answer follows from the
//! event and the declarations alone.

use super::{
    CodedBy, DecodeError, EncodeError, Encoding, EventPlace, Schema, SchemaError, Subject,
    Upcasters, upcast::Chains,
};
use crate::{
    event::{ContentType, NewEvent, RecordedEvent},
    names::EventType,
};
use bytes::Bytes;
use std::{fmt, marker::PhantomData, sync::Arc};

/// What an event says and how: all that decoding takes. For payloads that come from elsewhere than
/// a read, such as the files in which old payloads are kept for tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload<'a> {
    /// The name of its type.
    pub event_type: &'a str,
    /// The version of its schema.
    pub schema_version: u32,
    /// How it is encoded.
    pub content_type: ContentType,
    /// The payload.
    pub bytes: Bytes,
}

/// Turns events of type `E` into [`NewEvent`]s and [`RecordedEvent`]s into `E`, whatever version
/// they were stored in. Cheap to clone, made once at the start of a program.
///
#[cfg_attr(feature = "json", doc = "```")]
#[cfg_attr(not(feature = "json"), doc = "```ignore")]
/// use sagalog::{
///     Append, ContentType, StreamId,
///     codec::{EventCodec, Json, Payload, Schema, Upcasters, upcast_json},
/// };
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct OrderPlaced {
///     total_cents: u64,
/// }
///
/// #[derive(Debug, PartialEq)]
/// enum OrderEvent {
///     Placed(OrderPlaced),
/// }
///
/// sagalog::domain_events! {
///     OrderEvent {
///         Placed(OrderPlaced) = "OrderPlaced" version 2,
///     }
/// }
///
/// // Version 1 had whole euros.
/// let upcasters = Upcasters::new().next(
///     Schema::new("OrderPlaced", 1),
///     upcast_json(|mut order| {
///         let euros = order["total"].as_u64().unwrap_or_default();
///         order["total_cents"] = (euros * 100).into();
///         Ok(order)
///     }),
/// );
/// let events = EventCodec::<OrderEvent, _>::try_with(Json, upcasters)?;
///
/// let placed = OrderEvent::Placed(OrderPlaced { total_cents: 1250 });
/// let append = Append::new().event(StreamId::parse("order-17")?, events.encode(&placed)?);
///
/// // What a read returns is decoded by `events.decode(&recorded)`. Without a store:
/// let old = Payload {
///     event_type: "OrderPlaced",
///     schema_version: 1,
///     content_type: ContentType::Json,
///     bytes: r#"{"total":12}"#.into(),
/// };
/// assert_eq!(
///     events.decode_payload(old)?,
///     OrderEvent::Placed(OrderPlaced { total_cents: 1200 }),
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EventCodec<E, C> {
    codec: C,
    declared: Arc<Declared>,
    events: PhantomData<fn() -> E>,
}

struct Declared {
    /// Beside each schema its checked name.
    schemas: Vec<(Schema, EventType)>,
    chains: Chains,
}

impl Declared {
    fn of_type(&self, event_type: &str) -> Option<&(Schema, EventType)> {
        self.schemas.iter().find(|(schema, _)| schema.event_type == event_type)
    }
}

impl<E: CodedBy<C>, C: Encoding> EventCodec<E, C> {
    /// A codec for events that have always been what they are today.
    ///
    /// # Errors
    /// [`SchemaError`] if a name is no event type's, or there twice.
    pub fn try_new(codec: C) -> Result<Self, SchemaError> {
        Self::try_with(codec, Upcasters::new())
    }

    /// A codec that also reads what the upcasters lead from.
    ///
    /// # Errors
    /// [`SchemaError`] if a name is no event type's or there twice, or if a chain of upcasters does
    /// not end at an event of today.
    pub fn try_with(codec: C, upcasters: Upcasters) -> Result<Self, SchemaError> {
        let mut schemas: Vec<(Schema, EventType)> = Vec::with_capacity(E::SCHEMAS.len());
        for schema in E::SCHEMAS {
            let name = EventType::parse(schema.event_type)
                .map_err(|error| SchemaError::Name { schema: *schema, error })?;
            if schemas.iter().any(|(_, other)| *other == name) {
                return Err(SchemaError::Twice(*schema));
            }
            schemas.push((*schema, name));
        }
        let chains = upcasters.check(E::SCHEMAS)?;
        let declared = Arc::new(Declared { schemas, chains });
        Ok(Self { codec, declared, events: PhantomData })
    }

    /// The event as it is to be appended: type, schema version, content type and payload. Id, tags
    /// and metadata are added to what this returns.
    ///
    /// The payload is read back before it is given out, which costs one decoding: an event that
    /// nobody can read must not be stored, since what is stored is never changed.
    ///
    /// # Errors
    /// [`EncodeError`] if the codec refuses the value, or cannot read what it wrote.
    pub fn encode(&self, event: &E) -> Result<NewEvent, EncodeError> {
        let schema = event.schema();
        let known = self.declared.schemas.iter().find(|(known, _)| *known == schema);
        let (_, event_type) = known.ok_or(EncodeError::Unlisted(schema))?;
        let payload = event
            .encode_payload(&self.codec)
            .map_err(|source| EncodeError::Refused { schema, source })?;
        E::decode_payload(&self.codec, schema.event_type, &payload)
            .map_err(|source| EncodeError::Unreadable { schema, source })?;
        Ok(NewEvent::new(event_type.clone(), payload)
            .schema_version(schema.version)
            .content_type(self.codec.content_type()))
    }

    /// The event that was stored, brought to its current version.
    ///
    /// # Errors
    /// [`DecodeError`] says what stands in the way, and of which event.
    pub fn decode(&self, event: &RecordedEvent) -> Result<E, DecodeError> {
        let payload = Payload {
            event_type: event.event_type(),
            schema_version: event.schema_version(),
            content_type: event.content_type(),
            bytes: event.payload(),
        };
        self.decode_payload(payload).map_err(|error| error.at(EventPlace::of(event)))
    }

    /// The event that these bytes are, brought to its current version.
    ///
    /// # Errors
    /// [`DecodeError`] says what stands in the way; it names no place, since there is none.
    pub fn decode_payload(&self, payload: Payload<'_>) -> Result<E, DecodeError> {
        let Payload { event_type, schema_version, content_type, bytes } = payload;
        let subject = || {
            let event_type = event_type.to_owned();
            Box::new(Subject { place: None, event_type, schema_version })
        };
        let chains = &self.declared.chains;
        let current = self.declared.of_type(event_type).map(|(schema, _)| *schema);
        let newest = current.map(|schema| schema.version).or_else(|| chains.newest(event_type));
        let newest = newest.ok_or_else(|| DecodeError::UnknownType(subject()))?;
        let expected = self.codec.content_type();
        if content_type != expected {
            let subject = subject();
            return Err(DecodeError::ContentType { subject, found: content_type, expected });
        }
        let (reached, bytes) = match current {
            Some(schema) if schema.version == schema_version => (schema, bytes),
            _ => match chains.step(event_type, schema_version) {
                Some(step) => chains.walk(step, bytes).map_err(|(step, source)| {
                    DecodeError::Upcast { subject: subject(), step, source }
                })?,
                None if schema_version > newest => {
                    return Err(DecodeError::NewerVersion { subject: subject(), newest });
                }
                None => return Err(DecodeError::UpcasterMissing { subject: subject(), newest }),
            },
        };
        E::decode_payload(&self.codec, reached.event_type, &bytes)
            .map_err(|source| DecodeError::Payload { subject: subject(), source })
    }

    /// The codec of the payloads.
    pub const fn codec(&self) -> &C {
        &self.codec
    }
}

impl<E, C: Clone> Clone for EventCodec<E, C> {
    fn clone(&self) -> Self {
        let declared = Arc::clone(&self.declared);
        Self { codec: self.codec.clone(), declared, events: PhantomData }
    }
}

impl<E, C> fmt::Debug for EventCodec<E, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schemas = self.declared.schemas.iter().map(|(schema, _)| *schema);
        f.debug_tuple("EventCodec").field(&schemas.collect::<Vec<_>>()).finish()
    }
}
