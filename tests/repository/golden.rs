//! Stored payloads of every schema version, read for ever, and written alike as long as they are
//! current.
//!
//! Not a round trip, which would agree with any drift: the bytes stand in `tests/golden/` and are
//! never edited. A new version gets a new file. How events lie in the log:
//! `tests/repository/format/`.
#![cfg(any(feature = "json", feature = "bincode"))]
#![expect(
    clippy::disallowed_methods,
    reason = "the golden bytes are files of the source tree, not of a store"
)]

use sagalog::{
    ContentType,
    codec::{Codec, CodecError, EventCodec, Payload, Rename, Schema, Upcasters},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt::Debug, fs, path::PathBuf};

/// Whole euros and a fraction: a mistake, as it turned out.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct OrderPlacedV1 {
    customer: String,
    total: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct OrderPlacedV2 {
    customer: String,
    total_cents: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct OrderPlaced {
    customer: String,
    total_cents: u64,
    currency: Currency,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Currency {
    Eur,
    Usd,
}

/// One field for each kind of value that serde knows.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Kinds {
    yes: bool,
    small: u8,
    large: u64,
    largest: u128,
    negative: i64,
    third: f32,
    tenth: f64,
    letter: char,
    text: String,
    nothing: Option<u32>,
    something: Option<u32>,
    bytes: Vec<u8>,
    numbers: Vec<u32>,
    map: BTreeMap<String, i32>,
    pair: (u16, i16),
    unit: (),
    variants: Vec<Variant>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Variant {
    Unit,
    Newtype(i32),
    Tuple(u8, bool),
    Struct { at: u64 },
}

#[derive(Debug, PartialEq)]
enum ShopEvent {
    Placed(OrderPlaced),
    Kinds(Kinds),
}

sagalog::domain_events! {
    ShopEvent {
        Placed(OrderPlaced) = "OrderPlaced" version 3,
        Kinds(Kinds) = "Kinds" version 1,
    }
}

fn order_v1() -> OrderPlacedV1 {
    OrderPlacedV1 { customer: "c-7".to_owned(), total: 12.5 }
}

fn order_v2() -> OrderPlacedV2 {
    OrderPlacedV2 { customer: "c-7".to_owned(), total_cents: 1250 }
}

fn order() -> OrderPlaced {
    OrderPlaced { customer: "c-7".to_owned(), total_cents: 1250, currency: Currency::Eur }
}

fn order_in_dollars() -> OrderPlaced {
    OrderPlaced { customer: "ü".to_owned(), total_cents: 1 << 40, currency: Currency::Usd }
}

fn kinds() -> Kinds {
    Kinds {
        yes: true,
        small: 200,
        large: u64::MAX,
        largest: u128::MAX,
        negative: i64::MIN,
        third: 1.0 / 3.0,
        tenth: 0.1,
        letter: 'é',
        text: "a \"quoted\"\nline\u{1}".to_owned(),
        nothing: None,
        something: Some(251),
        bytes: vec![0, 127, 255],
        numbers: vec![0, 250, 251, 65_535, 65_536],
        map: [("a".to_owned(), -1), ("b".to_owned(), 1)].into(),
        pair: (1, -2),
        unit: (),
        variants: vec![
            Variant::Unit,
            Variant::Newtype(-3),
            Variant::Tuple(4, false),
            Variant::Struct { at: 5 },
        ],
    }
}

/// The type had another name before version 1.
fn renamed(upcasters: Upcasters) -> Upcasters {
    let (from, to) = (Schema::new("OrderMade", 1), Schema::new("OrderPlaced", 1));
    upcasters.rename(Rename { from, to }, Ok)
}

fn cents(euros: f64) -> Result<u64, CodecError> {
    let cents = format!("{:.0}", euros * 100.0);
    cents.parse().map_err(CodecError::new)
}

/// The directory and the extension of a codec's files.
type Files = (&'static str, &'static str);

fn read((folder, extension): Files, name: &str) -> Vec<u8> {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    path.push(format!("{name}.{extension}"));
    let text = fs::read_to_string(path).expect("the golden bytes are in the tree");
    if extension == "json" {
        return text.strip_suffix('\n').expect("a text file ends with a line").into();
    }
    let bytes = text.lines().flat_map(|line| line.split_whitespace().skip(1));
    bytes.map(|byte| u8::from_str_radix(byte, 16).expect("two hexadecimal digits")).collect()
}

/// Compares what is written today with the file, and reads the file.
fn demand<T, C>(codec: &C, files: Files, name: &str, value: &T)
where
    T: Debug + PartialEq,
    C: Codec<T>,
{
    let written = codec.encode(value).expect("the value has been encoded before");
    let golden = read(files, name);
    assert_eq!(
        golden.escape_ascii().to_string(),
        written.escape_ascii().to_string(),
        "{name}: the codec has drifted; written today: {written:02x?}"
    );
    assert_eq!(codec.decode(&golden).expect("it is read for ever"), *value, "{name}");
}

fn demand_all<C>(codec: &C, files: Files)
where
    C: Codec<OrderPlacedV1> + Codec<OrderPlacedV2> + Codec<OrderPlaced> + Codec<Kinds>,
{
    demand(codec, files, "OrderMade.v1", &order_v1());
    demand(codec, files, "OrderPlaced.v1", &order_v1());
    demand(codec, files, "OrderPlaced.v2", &order_v2());
    demand(codec, files, "OrderPlaced.v3", &order());
    demand(codec, files, "OrderPlaced.v3-dollars", &order_in_dollars());
    demand(codec, files, "Kinds.v1", &kinds());
}

/// Reads every file through the events of today.
fn demand_events<C>(events: &EventCodec<ShopEvent, C>, files: Files, content_type: ContentType)
where
    C: Codec<OrderPlaced> + Codec<Kinds>,
{
    let table = [
        ("OrderMade.v1", "OrderMade", 1, ShopEvent::Placed(order())),
        ("OrderPlaced.v1", "OrderPlaced", 1, ShopEvent::Placed(order())),
        ("OrderPlaced.v2", "OrderPlaced", 2, ShopEvent::Placed(order())),
        ("OrderPlaced.v3", "OrderPlaced", 3, ShopEvent::Placed(order())),
        ("OrderPlaced.v3-dollars", "OrderPlaced", 3, ShopEvent::Placed(order_in_dollars())),
        ("Kinds.v1", "Kinds", 1, ShopEvent::Kinds(kinds())),
    ];
    let files_there =
        fs::read_dir(format!("{}/tests/golden/{}", env!("CARGO_MANIFEST_DIR"), files.0));
    assert_eq!(files_there.expect("the directory is in the tree").count(), table.len());
    for (name, event_type, schema_version, expected) in table {
        let bytes = read(files, name).into();
        let payload = Payload { event_type, schema_version, content_type, bytes };
        assert_eq!(events.decode_payload(payload).expect(name), expected, "{name}");
    }
}

#[cfg(feature = "json")]
mod json {
    use super::*;
    use sagalog::codec::{Json, upcast_json, upcast_typed};

    const FILES: Files = ("json", "json");

    #[test]
    fn payloads_are_written_and_read_as_ever() {
        demand_all(&Json, FILES);
    }

    #[test]
    fn every_version_is_read_through_steps_on_values() {
        let upcasters = renamed(Upcasters::new())
            .next(
                Schema::new("OrderPlaced", 1),
                upcast_json(|mut order| {
                    let fields = order.as_object_mut();
                    let fields = fields.ok_or_else(|| CodecError::new("not an object"))?;
                    let total = fields.remove("total").and_then(|total| total.as_f64());
                    let total = total.ok_or_else(|| CodecError::new("no total"))?;
                    fields.insert("total_cents".to_owned(), cents(total)?.into());
                    Ok(order)
                }),
            )
            .next(
                Schema::new("OrderPlaced", 2),
                upcast_json(|mut order| {
                    order["currency"] = "Eur".into();
                    Ok(order)
                }),
            );
        let events = EventCodec::try_with(Json, upcasters).expect("the chain is whole");
        demand_events(&events, FILES, ContentType::Json);
    }

    #[test]
    fn every_version_is_read_through_old_types() {
        let upcasters = renamed(Upcasters::new())
            .next(Schema::new("OrderPlaced", 1), upcast_typed(Json, to_v2))
            .next(Schema::new("OrderPlaced", 2), upcast_typed(Json, to_v3));
        let events = EventCodec::try_with(Json, upcasters).expect("the chain is whole");
        demand_events(&events, FILES, ContentType::Json);
    }
}

fn to_v2(old: OrderPlacedV1) -> Result<OrderPlacedV2, CodecError> {
    Ok(OrderPlacedV2 { customer: old.customer, total_cents: cents(old.total)? })
}

#[expect(clippy::unnecessary_wraps, reason = "a step may fail, this one does not")]
fn to_v3(old: OrderPlacedV2) -> Result<OrderPlaced, CodecError> {
    let OrderPlacedV2 { customer, total_cents } = old;
    Ok(OrderPlaced { customer, total_cents, currency: Currency::Eur })
}

#[cfg(feature = "bincode")]
mod bincode {
    use super::*;
    use sagalog::codec::{Bincode, upcast_typed};

    const FILES: Files = ("bincode", "hex");

    #[test]
    fn payloads_are_written_and_read_as_ever() {
        demand_all(&Bincode, FILES);
    }

    #[test]
    fn every_version_is_read_through_old_types() {
        let upcasters = renamed(Upcasters::new())
            .next(Schema::new("OrderPlaced", 1), upcast_typed(Bincode, to_v2))
            .next(Schema::new("OrderPlaced", 2), upcast_typed(Bincode, to_v3));
        let events = EventCodec::try_with(Bincode, upcasters).expect("the chain is whole");
        demand_events(&events, FILES, ContentType::Bincode);
    }
}
