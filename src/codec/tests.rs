//! The typed layer with a codec of its own, so without any feature: declarations, chains, errors.

use super::{
    Codec, CodecError, DecodeError, EncodeError, Encoding, EventCodec, EventPlace, Payload, Rename,
    Schema, SchemaError, Subject, Upcasters, upcast_typed,
};
use crate::{ContentType, EventType, NameError, NewEvent, Position, Revision, event::recorded};
use bytes::Bytes;
use std::error::Error;

/// Numbers as decimal text.
#[derive(Clone, Copy, Debug)]
struct Decimal;

const DECIMAL: ContentType = match ContentType::custom(128) {
    Ok(decimal) => decimal,
    Err(_) => panic!("the code is the caller's"),
};

impl Encoding for Decimal {
    fn content_type(&self) -> ContentType {
        DECIMAL
    }
}

impl Codec<u64> for Decimal {
    fn encode(&self, value: &u64) -> Result<Vec<u8>, CodecError> {
        match value {
            &u64::MAX => Err(CodecError::new("there is no end of numbers")),
            13 => Ok(b"thirteen".to_vec()),
            value => Ok(value.to_string().into_bytes()),
        }
    }

    fn decode(&self, bytes: &[u8]) -> Result<u64, CodecError> {
        str::from_utf8(bytes).map_err(CodecError::new)?.parse().map_err(CodecError::new)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Sale {
    Placed(u64),
    Refunded(u64),
}

crate::domain_events! {
    Sale {
        Placed(u64) = "Placed" version 3,
        Refunded(u64) = "Refunded" version 1,
    }
}

const fn schema(event_type: &'static str, version: u32) -> Schema {
    Schema::new(event_type, version)
}

fn plus(addend: u64) -> impl Fn(Bytes) -> Result<Bytes, CodecError> + Send + Sync + 'static {
    upcast_typed(Decimal, move |old: u64| -> Result<u64, CodecError> {
        old.checked_add(addend).ok_or_else(|| CodecError::new("the sum is too large"))
    })
}

/// `Made` 1 became `Placed` 1, then 2 and 3; each step leaves its digit.
fn sales() -> EventCodec<Sale, Decimal> {
    let upcasters = Upcasters::new()
        .next(schema("Placed", 2), plus(100))
        .next(schema("Placed", 1), plus(10))
        .rename(Rename { from: schema("Made", 1), to: schema("Placed", 1) }, plus(1));
    EventCodec::try_with(Decimal, upcasters).expect("the chain is whole")
}

fn payload<'a>(event_type: &'a str, schema_version: u32, text: &'static str) -> Payload<'a> {
    Payload { event_type, schema_version, content_type: DECIMAL, bytes: text.into() }
}

#[test]
fn an_event_comes_back_as_it_was_given() {
    for sale in [Sale::Placed(7), Sale::Refunded(u64::MAX - 1)] {
        let new = sales().encode(&sale).expect("the codec takes it");
        assert_eq!((new.content_type, new.schema_version), (DECIMAL, sale_version(&sale)));
        let event = recorded(&new, "sale-1", Position::new(9), Revision::new(2));
        assert_eq!(sales().decode(&event).expect("it was encoded"), sale);
    }
}

fn sale_version(sale: &Sale) -> u32 {
    match sale {
        Sale::Placed(_) => 3,
        Sale::Refunded(_) => 1,
    }
}

#[test]
fn old_events_take_every_step_from_where_they_are() {
    let table = [
        (payload("Made", 1, "1000"), 1111),
        (payload("Placed", 1, "1000"), 1110),
        (payload("Placed", 2, "1000"), 1100),
        (payload("Placed", 3, "1000"), 1000),
    ];
    for (payload, amount) in table {
        let label = format!("{payload:?}");
        assert_eq!(
            sales().decode_payload(payload).expect("known"),
            Sale::Placed(amount),
            "{label}"
        );
    }
}

/// What a refusal looks like, without the subject and the text of its source.
#[derive(Debug, PartialEq)]
enum Seen {
    UnknownType,
    ContentType(ContentType, ContentType),
    NewerVersion(u32),
    UpcasterMissing(u32),
    Upcast(Schema),
    Payload,
}

fn seen(error: &DecodeError) -> Seen {
    match error {
        DecodeError::UnknownType(_) => Seen::UnknownType,
        DecodeError::ContentType { found, expected, .. } => Seen::ContentType(*found, *expected),
        DecodeError::NewerVersion { newest, .. } => Seen::NewerVersion(*newest),
        DecodeError::UpcasterMissing { newest, .. } => Seen::UpcasterMissing(*newest),
        DecodeError::Upcast { step, .. } => Seen::Upcast(*step),
        DecodeError::Payload { .. } => Seen::Payload,
    }
}

#[test]
fn every_refusal_has_its_variant_and_names_the_event() {
    let json = ContentType::Json;
    let largest = "18446744073709551615";
    let table = [
        (("Cancelled", 1, DECIMAL, "1"), Seen::UnknownType, false),
        // An unknown type is left out of a read whatever it is encoded in.
        (("Cancelled", 1, json, "1"), Seen::UnknownType, false),
        (("Placed", 3, json, "1"), Seen::ContentType(json, DECIMAL), false),
        (("Placed", 4, DECIMAL, "1"), Seen::NewerVersion(3), false),
        (("Made", 2, DECIMAL, "1"), Seen::NewerVersion(1), false),
        (("Placed", 0, DECIMAL, "1"), Seen::UpcasterMissing(3), false),
        (("Made", 0, DECIMAL, "1"), Seen::UpcasterMissing(1), false),
        (("Placed", 2, DECIMAL, largest), Seen::Upcast(schema("Placed", 2)), true),
        (("Made", 1, DECIMAL, "x"), Seen::Upcast(schema("Made", 1)), true),
        (("Placed", 3, DECIMAL, "x"), Seen::Payload, true),
        (("Placed", 3, DECIMAL, ""), Seen::Payload, true),
    ];
    for ((event_type, version, content_type, text), expected, has_source) in table {
        let name = EventType::parse(event_type).expect("a proper name");
        let new = NewEvent::new(name, text).schema_version(version).content_type(content_type);
        let event = recorded(&new, "sale-1", Position::new(9), Revision::new(2));
        let error = sales().decode(&event).expect_err("it cannot be read");
        assert_eq!(seen(&error), expected, "{event:?}");
        assert_eq!(error.source().is_some(), has_source, "{error}");
        let place = EventPlace {
            position: Position::new(9),
            stream: "sale-1".to_owned(),
            revision: Revision::new(2),
        };
        let event_type = event_type.to_owned();
        let subject = Subject { place: Some(place), event_type, schema_version: version };
        assert_eq!(*error.subject(), subject, "{error}");
        let text = error.to_string();
        assert!(text.contains(" at position 9 (stream sale-1, revision 2)"), "{text}");
    }
}

#[test]
fn a_bare_payload_has_no_place() {
    let error = sales().decode_payload(payload("Placed", 9, "1")).expect_err("too new");
    assert_eq!(error.subject().place, None);
    assert_eq!(
        error.to_string(),
        "Placed of version 9 was written by a newer program, this one knows version 3; upgrade it"
    );
}

#[test]
fn what_could_not_be_read_is_not_given_out() {
    let refused = sales().encode(&Sale::Placed(u64::MAX)).expect_err("the codec refuses");
    assert!(matches!(refused, EncodeError::Refused { schema, .. } if schema.version == 3));
    let unreadable = sales().encode(&Sale::Refunded(13)).expect_err("it cannot be read");
    assert!(matches!(unreadable, EncodeError::Unreadable { schema, .. } if schema.version == 1));
    assert!(unreadable.source().is_some());
}

#[test]
fn chains_are_judged_before_there_is_an_event() {
    let link = |from: Schema, to: Schema| Upcasters::new().rename(Rename { from, to }, Ok);
    let next = |from: Schema| Upcasters::new().next(from, Ok);
    let (made, placed) = (schema("Made", 1), schema("Placed", 1));
    let last = schema("Placed", u32::MAX);
    let table = [
        ("whole", link(made, schema("Refunded", 1)), None),
        ("skips", link(placed, schema("Placed", 3)), None),
        ("gap", next(placed), Some(dead_end(placed, schema("Placed", 2)))),
        ("stranger", link(placed, made), Some(dead_end(placed, made))),
        ("current", next(schema("Placed", 3)), Some(SchemaError::FromCurrent(schema("Placed", 3)))),
        (
            "beyond",
            next(schema("Placed", 4)),
            Some(dead_end(schema("Placed", 4), schema("Placed", 5))),
        ),
        ("itself", link(made, made), Some(SchemaError::Cycle(made))),
        ("last", next(last), Some(SchemaError::Cycle(last))),
        (
            "circle",
            link(made, placed).rename(Rename { from: placed, to: made }, Ok),
            Some(SchemaError::Cycle(made)),
        ),
        (
            "into a circle",
            link(schema("Early", 1), made).rename(Rename { from: made, to: made }, Ok),
            Some(SchemaError::Cycle(schema("Early", 1))),
        ),
        ("twice", next(placed).next(placed, Ok), Some(SchemaError::Twice(placed))),
    ];
    for (case, upcasters, expected) in table {
        let built = EventCodec::<Sale, _>::try_with(Decimal, upcasters);
        assert_eq!(built.err(), expected, "{case}");
    }
}

fn dead_end(from: Schema, end: Schema) -> SchemaError {
    SchemaError::DeadEnd { from, end }
}

enum Reserved {
    Mine(u64),
}

crate::domain_events! { Reserved { Mine(u64) = "$mine" version 1 } }

enum Twins {
    First(u64),
    Second(u64),
}

crate::domain_events! { Twins { First(u64) = "Twin" version 1, Second(u64) = "Twin" version 2 } }

#[test]
fn names_are_checked_when_the_codec_is_made() {
    let mine = EventCodec::<Reserved, _>::try_new(Decimal).err();
    let name = SchemaError::Name { schema: schema("$mine", 1), error: NameError::Reserved };
    assert_eq!(mine, Some(name));
    let twins = EventCodec::<Twins, _>::try_new(Decimal).err();
    assert_eq!(twins, Some(SchemaError::Twice(schema("Twin", 2))));
}

#[test]
fn a_thousand_versions_are_one_walk() {
    let steps = (1..3).fold(Upcasters::new(), |steps, v| steps.next(schema("Placed", v), plus(1)));
    let steps = (1..1000).fold(steps, |steps, v| steps.next(schema("Made", v), plus(1)));
    let ends = Rename { from: schema("Made", 1000), to: schema("Placed", 1) };
    let sales = EventCodec::<Sale, _>::try_with(Decimal, steps.rename(ends, plus(1)));
    let sale = sales.expect("the chain is whole").decode_payload(payload("Made", 1, "1000"));
    assert_eq!(sale.expect("a chain of numbers"), Sale::Placed(2002));
}
