//! What can go wrong with typed events, one enum for each moment: building, encoding, decoding.
//!
//! A variant says what to do about it. No error of the store stands here: those come before there
//! is an event to decode.

use super::{CodecError, Schema};
use crate::{
    event::{ContentType, RecordedEvent},
    ids::{Position, Revision},
    names::NameError,
};
use std::{error::Error, fmt};

/// Why types and upcasters do not fit together. A mistake in the program that shows at its start,
/// before any event is touched: correct the declaration that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaError {
    /// The name cannot be that of an event type. Choose another one.
    Name {
        /// The declaration.
        schema: Schema,
        /// What is wrong with the name.
        error: NameError,
    },
    /// Two events have this name, or two upcasters begin at this version. Remove one.
    Twice(Schema),
    /// An upcaster begins at the version that the program writes today. Raise that version, or
    /// remove the upcaster.
    FromCurrent(Schema),
    /// The upcasters that begin here come back to where they have been. Break the circle.
    Cycle(Schema),
    /// The upcasters that begin here do not lead to a version that the program knows. Add the step
    /// that is missing.
    DeadEnd {
        /// Where the chain begins.
        from: Schema,
        /// Where it ends.
        end: Schema,
    },
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { schema, error } => {
                write!(f, "{:?} cannot name an event type: {error}", schema.event_type)
            }
            Self::Twice(schema) => write!(f, "{schema} is declared twice; remove one"),
            Self::FromCurrent(schema) => {
                write!(f, "an upcaster begins at {schema}, which is current; raise the version")
            }
            Self::Cycle(schema) => write!(f, "the upcasters from {schema} on go in a circle"),
            Self::DeadEnd { from, end } => write!(
                f,
                "the upcasters from {from} on end at {end}, which no event is; add the next step"
            ),
        }
    }
}

impl Error for SchemaError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Name { error, .. } => Some(error),
            Self::Twice(_) | Self::FromCurrent(_) | Self::Cycle(_) | Self::DeadEnd { .. } => None,
        }
    }
}

/// Why an event cannot be made ready to be stored. Nothing was stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EncodeError {
    /// The codec refused the value. Correct the value, or the type.
    Refused {
        /// What was to be encoded.
        schema: Schema,
        /// What the codec said.
        source: CodecError,
    },
    /// The codec wrote bytes that it cannot read, so that the event would be lost once it is
    /// stored. Correct the type, or choose another codec: attributes that leave fields out confuse
    /// formats without field names, and JSON has no number for infinity.
    Unreadable {
        /// What was encoded.
        schema: Schema,
        /// What the codec said when it was given its own bytes.
        source: CodecError,
    },
    /// The event is of a schema that [`DomainEvent::SCHEMAS`](super::DomainEvent::SCHEMAS) does
    /// not list. Add it there.
    Unlisted(Schema),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { schema, source } => write!(f, "cannot encode {schema}: {source}"),
            Self::Unreadable { schema, source } => {
                write!(
                    f,
                    "the bytes of {schema} could not be read back, so they are not stored: \
                           {source}"
                )
            }
            Self::Unlisted(schema) => write!(f, "{schema} is not listed in `SCHEMAS`"),
        }
    }
}

impl Error for EncodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused { source, .. } | Self::Unreadable { source, .. } => Some(source),
            Self::Unlisted(_) => None,
        }
    }
}

/// Where an event stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPlace {
    /// Its place in the whole log.
    pub position: Position,
    /// The stream's name.
    pub stream: String,
    /// Its place in the stream.
    pub revision: Revision,
}

impl EventPlace {
    pub(super) fn of(event: &RecordedEvent) -> Self {
        Self {
            position: event.position(),
            stream: event.stream().to_owned(),
            revision: event.revision(),
        }
    }
}

/// What could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Where it stands; `None` if it was given as a bare [`Payload`](super::Payload).
    pub place: Option<EventPlace>,
    /// The event type that is stored.
    pub event_type: String,
    /// The schema version that is stored.
    pub schema_version: u32,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of version {}", self.event_type, self.schema_version)?;
        match &self.place {
            Some(EventPlace { position, stream, revision }) => {
                write!(f, " at position {position} (stream {stream}, revision {revision})")
            }
            None => Ok(()),
        }
    }
}

/// Why an event is not one of the program's. The event itself is whole and stays as it is: a
/// program that knows more can read it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DecodeError {
    /// The type belongs to none of the program's events, nor does an upcaster begin at it. Leave
    /// such events out of the read, or declare the type.
    UnknownType(Box<Subject>),
    /// The payload is encoded in another way than this codec's. Decode it with a codec of that
    /// content type.
    ContentType {
        /// The event.
        subject: Box<Subject>,
        /// How it is encoded.
        found: ContentType,
        /// What the codec reads.
        expected: ContentType,
    },
    /// The event was written by a newer program. Upgrade this one.
    NewerVersion {
        /// The event.
        subject: Box<Subject>,
        /// The newest version of its type that this program knows.
        newest: u32,
    },
    /// No upcaster begins at this version, although the program knows newer ones. Add the step.
    UpcasterMissing {
        /// The event.
        subject: Box<Subject>,
        /// The newest version of its type that this program knows.
        newest: u32,
    },
    /// An upcaster refused the payload. Correct the upcaster; the payload will not change.
    Upcast {
        /// The event.
        subject: Box<Subject>,
        /// Where the step begins that refused.
        step: Schema,
        /// What it said.
        source: CodecError,
    },
    /// The payload, brought to the current version, is no value of the event's type. The type was
    /// changed without a new version, or the last upcaster makes something else.
    Payload {
        /// The event.
        subject: Box<Subject>,
        /// What the codec said.
        source: CodecError,
    },
}

impl DecodeError {
    /// The event that could not be decoded.
    pub const fn subject(&self) -> &Subject {
        match self {
            Self::UnknownType(subject)
            | Self::ContentType { subject, .. }
            | Self::NewerVersion { subject, .. }
            | Self::UpcasterMissing { subject, .. }
            | Self::Upcast { subject, .. }
            | Self::Payload { subject, .. } => subject,
        }
    }

    pub(super) fn at(mut self, place: EventPlace) -> Self {
        match &mut self {
            Self::UnknownType(subject)
            | Self::ContentType { subject, .. }
            | Self::NewerVersion { subject, .. }
            | Self::UpcasterMissing { subject, .. }
            | Self::Upcast { subject, .. }
            | Self::Payload { subject, .. } => subject.place = Some(place),
        }
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownType(subject) => {
                write!(f, "{subject} is of an unknown type; leave it out or declare the type")
            }
            Self::ContentType { subject, found, expected } => write!(
                f,
                "{subject} is encoded as {found:?}, the codec reads {expected:?}; use another codec"
            ),
            Self::NewerVersion { subject, newest } => write!(
                f,
                "{subject} was written by a newer program, this one knows version {newest}; \
                 upgrade it"
            ),
            Self::UpcasterMissing { subject, newest } => write!(
                f,
                "{subject} cannot be brought to version {newest}: no upcaster begins at version \
                 {}; add it",
                subject.schema_version
            ),
            Self::Upcast { subject, step, source } => {
                write!(f, "{subject}: the upcaster from {step} on refused it: {source}")
            }
            Self::Payload { subject, source } => {
                write!(f, "{subject}: its payload does not decode: {source}")
            }
        }
    }
}

impl Error for DecodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Upcast { source, .. } | Self::Payload { source, .. } => Some(source),
            Self::UnknownType(_)
            | Self::ContentType { .. }
            | Self::NewerVersion { .. }
            | Self::UpcasterMissing { .. } => None,
        }
    }
}
