//! Typed payloads in both formats: what goes in comes out, and bytes from anywhere end in a value
//! or an error.
//!
//! The bytes themselves are held to `tests/repository/golden.rs`.
#![cfg(any(feature = "json", feature = "bincode"))]

use sagalog::codec::{Codec, EncodeError, EventCodec};
use sagalog_testkit::{Choices, Seeded};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt::Debug};

const ROUND_TRIPS: u64 = 2_000;
const DAMAGED: u64 = 20_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    flag: bool,
    numbers: (u8, u16, u32, u64, u128, i8, i16, i32, i64, i128),
    floats: (f32, f64),
    letter: char,
    text: Option<String>,
    bytes: Vec<u8>,
    map: BTreeMap<String, Option<u64>>,
    tree: Tree,
    unit: (),
}

/// A type that lies within itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Word(String),
    Pair(Box<Self>, Box<Self>),
    Node { children: Vec<Self> },
}

fn everything(seeded: &mut Seeded) -> Everything {
    // As likely near a bound as anywhere.
    let number = |seeded: &mut Seeded| match seeded.below(4) {
        0 => u128::from(seeded.below(300)),
        1 => u128::MAX - u128::from(seeded.below(300)),
        2 => u128::from(seeded.bits()),
        _ => u128::from(seeded.bits()) << 64 | u128::from(seeded.bits()),
    };
    let bytes: [[u8; 16]; 10] = std::array::from_fn(|_| number(seeded).to_le_bytes());
    let part = |at: usize| bytes[at];
    let low = |at: usize| u64::from_le_bytes(*part(at).first_chunk().expect("sixteen bytes"));
    let [a, b, c, ..] = part(0);
    Everything {
        flag: seeded.below(2) == 0,
        numbers: (
            a,
            u16::from_le_bytes([b, c]),
            u32::from_le_bytes(*part(1).first_chunk().expect("sixteen bytes")),
            low(2),
            u128::from_le_bytes(part(3)),
            i8::from_le_bytes([a]),
            i16::from_le_bytes([c, b]),
            i32::from_le_bytes(*part(4).first_chunk().expect("sixteen bytes")),
            low(5).cast_signed(),
            i128::from_le_bytes(part(6)),
        ),
        floats: (float32(seeded), float64(seeded)),
        letter: letter(seeded),
        text: (seeded.below(3) > 0).then(|| text(seeded)),
        bytes: (0..seeded.below(300)).map(|_| seeded.bits().to_le_bytes()[0]).collect(),
        map: (0..seeded.below(5))
            .map(|_| (text(seeded), (seeded.below(2) == 0).then(|| seeded.bits())))
            .collect(),
        tree: tree(seeded, 5),
        unit: (),
    }
}

/// Any finite number, by its bits: a text with a digit too few would come back as a neighbour.
fn float64(seeded: &mut Seeded) -> f64 {
    let float = f64::from_bits(seeded.bits());
    if float.is_finite() { float } else { 0.1 }
}

fn float32(seeded: &mut Seeded) -> f32 {
    let [a, b, c, d, ..] = seeded.bits().to_le_bytes();
    let float = f32::from_le_bytes([a, b, c, d]);
    if float.is_finite() { float } else { 0.1 }
}

fn letter(seeded: &mut Seeded) -> char {
    let code = u32::try_from(seeded.below(0x11_0000)).expect("a small number");
    match seeded.below(2) {
        0 => char::from_u32(code).unwrap_or('\u{FFFD}'),
        _ => char::from_u32(code % 128).unwrap_or('x'),
    }
}

fn text(seeded: &mut Seeded) -> String {
    (0..seeded.below(20)).map(|_| letter(seeded)).collect()
}

fn tree(seeded: &mut Seeded, depth: u32) -> Tree {
    match seeded.below(if depth == 0 { 2 } else { 4 }) {
        0 => Tree::Leaf,
        1 => Tree::Word(text(seeded)),
        2 => Tree::Pair(Box::new(tree(seeded, depth - 1)), Box::new(tree(seeded, depth - 1))),
        _ => {
            let children = (0..seeded.below(4)).map(|_| tree(seeded, depth - 1)).collect();
            Tree::Node { children }
        }
    }
}

fn demand_round_trips<C: Codec<Everything>>(codec: &C) {
    for seed in 0..ROUND_TRIPS {
        let value = everything(&mut Seeded::new(seed));
        let bytes = codec.encode(&value).expect("every value has bytes");
        let read = codec.decode(&bytes).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(read, value, "seed {seed}");
        assert_eq!(codec.encode(&read).expect("as before"), bytes, "seed {seed}");
    }
}

/// Flips, cuts, inserts and overwrites; whatever still decodes has to be a value like any other.
fn demand_no_panic<C: Codec<Everything>>(codec: &C) {
    let mut refused = 0;
    for seed in 0..DAMAGED {
        let mut seeded = Seeded::new(seed);
        let mut bytes = codec.encode(&everything(&mut seeded)).expect("every value has bytes");
        for _ in 0..=seeded.below(3) {
            damage(&mut bytes, &mut seeded);
        }
        match codec.decode(&bytes) {
            Ok(value) => drop(codec.encode(&value).expect("every value has bytes")),
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty(), "seed {seed}");
            }
        }
    }
    assert!((DAMAGED / 20..DAMAGED).contains(&refused), "{refused} refused: no fair damage");
}

fn damage(bytes: &mut Vec<u8>, seeded: &mut Seeded) {
    let length = u64::try_from(bytes.len()).expect("a short payload");
    let at = usize::try_from(seeded.below(length)).expect("within the payload");
    let byte = seeded.bits().to_le_bytes()[0];
    match seeded.below(4) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, byte),
        2 => bytes.iter_mut().skip(at).take(9).for_each(|byte| *byte = 0xFD),
        _ => bytes.iter_mut().skip(at).take(1).for_each(|found| *found = byte),
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    degrees: f64,
}

/// Written without its note if there is none, which a format without field names cannot notice.
#[derive(Debug, Serialize, Deserialize)]
struct Noted {
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Debug)]
enum Doubtful {
    Measured(Measured),
    Noted(Noted),
    Tree(Tree),
}

sagalog::domain_events! {
    Doubtful {
        Measured(Measured) = "Measured" version 1,
        Noted(Noted) = "Noted" version 1,
        Tree(Tree) = "Tree" version 1,
    }
}

fn unreadable<C>(codec: C, event: &Doubtful) -> bool
where
    C: Codec<Measured> + Codec<Noted> + Codec<Tree>,
{
    let events = EventCodec::<Doubtful, C>::try_new(codec).expect("the names are good");
    match events.encode(event) {
        Ok(_) => false,
        Err(EncodeError::Unreadable { .. }) => true,
        Err(error) => panic!("{event:?} was refused otherwise: {error}"),
    }
}

/// A tree of this height, of single children.
fn tower(height: u32) -> Tree {
    (0..height).fold(Tree::Leaf, |tree, _| Tree::Node { children: vec![tree] })
}

#[cfg(feature = "json")]
mod json {
    use super::*;
    use sagalog::codec::Json;

    #[test]
    fn values_come_back() {
        demand_round_trips(&Json);
    }

    #[test]
    fn damaged_payloads_are_refused_in_order() {
        demand_no_panic(&Json);
    }

    #[test]
    fn what_lies_too_deep_is_refused() {
        let brackets = vec![b'['; 1 << 20];
        assert!(Codec::<Tree>::decode(&Json, &brackets).is_err());
        let nested = br#"{"Node":{"children":["#.repeat(100_000);
        assert!(Codec::<Tree>::decode(&Json, &nested).is_err());
    }

    #[test]
    fn bytes_behind_the_value_are_refused() {
        assert!(Codec::<u8>::decode(&Json, b"1 ").is_ok());
        assert!(Codec::<u8>::decode(&Json, b"1 2").is_err());
        assert!(Codec::<u8>::decode(&Json, b"").is_err());
    }

    #[test]
    fn an_event_that_could_not_be_read_is_not_made() {
        let measured = |degrees| Doubtful::Measured(Measured { degrees });
        assert!(!unreadable(Json, &measured(36.6)));
        assert!(unreadable(Json, &measured(f64::NAN)));
        assert!(unreadable(Json, &measured(f64::INFINITY)));
        assert!(!unreadable(Json, &Doubtful::Noted(Noted { note: None })));
        assert!(!unreadable(Json, &Doubtful::Tree(tower(30))));
        assert!(unreadable(Json, &Doubtful::Tree(tower(300))));
    }
}

#[cfg(feature = "bincode")]
mod bincode {
    use super::*;
    use sagalog::codec::Bincode;
    use serde::{
        Deserializer, Serializer,
        de::{SeqAccess, Visitor},
    };
    use std::fmt;

    /// Believes what a list says about its length.
    #[derive(Debug)]
    struct Credulous(usize);

    impl Serialize for Credulous {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(std::iter::repeat_n((), self.0))
        }
    }

    impl<'de> Deserialize<'de> for Credulous {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Hint;
            impl<'de> Visitor<'de> for Hint {
                type Value = Credulous;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a list")
                }

                fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<Credulous, A::Error> {
                    Ok(Credulous(access.size_hint().unwrap_or_default()))
                }
            }
            deserializer.deserialize_seq(Hint)
        }
    }

    #[test]
    fn values_come_back() {
        demand_round_trips(&Bincode);
    }

    #[test]
    fn damaged_payloads_are_refused_in_order() {
        demand_no_panic(&Bincode);
    }

    #[test]
    fn what_lies_too_deep_is_refused() {
        // A pair whose first half is a pair whose first half is a pair …
        let pairs = vec![2; 1 << 20];
        let error = Codec::<Tree>::decode(&Bincode, &pairs).expect_err("it has no end");
        assert!(error.to_string().contains("128 values within each other"), "{error}");
        // A node with one child, which is a node with one child …
        let nodes = [3, 1].repeat(1 << 19);
        assert!(Codec::<Tree>::decode(&Bincode, &nodes).is_err());
    }

    /// The length `length` and no more.
    fn claim(length: u64) -> Vec<u8> {
        let mut bytes = vec![253];
        bytes.extend(length.to_le_bytes());
        bytes
    }

    #[test]
    fn a_claimed_length_is_not_believed() {
        for length in [1, 1 << 20, 1 << 27, 1 << 40, 1 << 60, u64::MAX] {
            let bytes = claim(length);
            assert!(Codec::<String>::decode(&Bincode, &bytes).is_err(), "{length}");
            assert!(Codec::<Vec<u8>>::decode(&Bincode, &bytes).is_err(), "{length}");
            assert!(Codec::<Vec<Everything>>::decode(&Bincode, &bytes).is_err(), "{length}");
            let map = Codec::<BTreeMap<u64, u64>>::decode(&Bincode, &bytes);
            assert!(map.is_err(), "{length}");
            let Credulous(hint) = Bincode.decode(&bytes).expect("it reads no elements");
            assert!(hint <= 4096, "{hint} of {length} elements were promised");
        }
    }

    #[test]
    fn countless_values_of_no_bytes_end() {
        let error = Codec::<Vec<()>>::decode(&Bincode, &claim(1 << 60)).expect_err("too many");
        assert!(error.to_string().contains("values"), "{error}");
        assert_eq!(Codec::<Vec<()>>::decode(&Bincode, &[3]).expect("three"), [(), (), ()]);
    }

    #[test]
    fn bytes_behind_the_value_are_refused() {
        assert_eq!(Codec::<u8>::decode(&Bincode, &[1]).expect("one byte"), 1);
        let error = Codec::<u8>::decode(&Bincode, &[1, 2]).expect_err("two bytes");
        assert_eq!(error.to_string(), "1 bytes stand behind the value");
        assert!(Codec::<u8>::decode(&Bincode, &[]).is_err());
    }

    #[test]
    fn payloads_end_at_eight_mebibytes() {
        // The length takes five bytes.
        let text = |bytes: usize| "x".repeat(bytes - 5);
        for (bytes, fits) in [(8 << 20, true), ((8 << 20) + 1, false)] {
            let payload = Bincode.encode(&text(bytes)).expect("a text has bytes");
            assert_eq!(payload.len(), bytes);
            assert_eq!(Codec::<String>::decode(&Bincode, &payload).is_ok(), fits, "{bytes}");
        }
    }

    /// `bincode` counts a number by its size in memory, not by the bytes that it takes.
    #[test]
    fn many_small_numbers_fit() {
        let numbers = vec![1_u128; (8 << 20) - 5];
        let payload = Bincode.encode(&numbers).expect("a list has bytes");
        assert_eq!(payload.len(), 8 << 20);
        assert!(Codec::<Vec<u128>>::decode(&Bincode, &payload).is_ok_and(|read| read == numbers));
    }

    #[test]
    fn an_event_that_could_not_be_read_is_not_made() {
        let noted = |note: Option<&str>| Doubtful::Noted(Noted { note: note.map(str::to_owned) });
        assert!(!unreadable(Bincode, &noted(Some("fragile"))));
        assert!(unreadable(Bincode, &noted(None)));
        assert!(!unreadable(Bincode, &Doubtful::Measured(Measured { degrees: f64::NAN })));
        assert!(!unreadable(Bincode, &Doubtful::Tree(tower(30))));
        assert!(unreadable(Bincode, &Doubtful::Tree(tower(300))));
    }
}
