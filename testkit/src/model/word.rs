//! The store's values as single words, so that a recorded call is one short line of JSON that a
//! person can read and change.
//!
//! It is no format on disk and knows no line as a whole: which fields a line has, and which of
//! them are left out, stands beside the fields. The invariant it guards: a word is read back as
//! the value that it was written for.

use sagalog::{ContentType, EventId, ExpectedRevision, Revision, runtime::WallTime};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt::Write;

/// A value that is written as one word.
pub(super) trait Word: Sized {
    fn write(&self) -> String;
    fn read(word: &str) -> Option<Self>;
}

/// Small ids are what generators draw: such an id is its number.
impl Word for EventId {
    fn write(&self) -> String {
        let number = u128::from_le_bytes(*self.as_bytes());
        u64::try_from(number).map_or_else(|_| self.to_string(), |small| small.to_string())
    }

    fn read(word: &str) -> Option<Self> {
        match word.parse::<u64>() {
            Ok(small) => Some(Self::from_bytes(u128::from(small).to_le_bytes())),
            Err(_) => Self::parse(word).ok(),
        }
    }
}

impl Word for WallTime {
    fn write(&self) -> String {
        self.as_unix_nanos().to_string()
    }

    fn read(word: &str) -> Option<Self> {
        word.parse().ok().map(Self::from_unix_nanos)
    }
}

impl Word for ContentType {
    fn write(&self) -> String {
        match self {
            Self::Bytes => "bytes".to_owned(),
            Self::Json => "json".to_owned(),
            Self::Bincode => "bincode".to_owned(),
            Self::Custom(code) => code.get().to_string(),
            other => panic!("there is no word for {other:?}"),
        }
    }

    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "bytes" => Self::Bytes,
            "json" => Self::Json,
            "bincode" => Self::Bincode,
            code => Self::custom(code.parse().ok()?).ok()?,
        })
    }
}

impl Word for ExpectedRevision {
    fn write(&self) -> String {
        match self {
            Self::Any => "any".to_owned(),
            Self::NoStream => "none".to_owned(),
            Self::Exists => "some".to_owned(),
            Self::Exact(revision) => revision.get().to_string(),
            other => panic!("there is no word for {other:?}"),
        }
    }

    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "any" => Self::Any,
            "none" => Self::NoStream,
            "some" => Self::Exists,
            revision => Self::Exact(Revision::new(revision.parse().ok()?)),
        })
    }
}

/// How bytes begin that are written in hexadecimal.
const HEX: &str = "0x";

/// Text is itself; anything else is hexadecimal.
impl Word for Vec<u8> {
    fn write(&self) -> String {
        match str::from_utf8(self) {
            Ok(text) if !text.starts_with(HEX) && !text.contains(char::is_control) => {
                text.to_owned()
            }
            _ => self.iter().fold(HEX.to_owned(), |mut word, byte| {
                write!(word, "{byte:02x}").expect("a string takes everything");
                word
            }),
        }
    }

    fn read(word: &str) -> Option<Self> {
        let Some(digits) = word.strip_prefix(HEX) else { return Some(word.as_bytes().to_vec()) };
        let digit = |byte: &u8| Some(u8::try_from(char::from(*byte).to_digit(16)?).unwrap_or(0));
        let pairs = digits.as_bytes().chunks(2);
        pairs
            .map(|pair| match pair {
                [high, low] => Some(digit(high)? << 4 | digit(low)?),
                _ => None,
            })
            .collect()
    }
}

/// `#[serde(with = "word")]` of a value.
pub(super) fn serialize<T: Word, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    value.write().serialize(to)
}

/// `#[serde(with = "word")]` of a value.
pub(super) fn deserialize<'de, T: Word, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    let word = String::deserialize(from)?;
    T::read(&word).ok_or_else(|| D::Error::custom(format!("`{word}` says nothing here")))
}

/// `#[serde(with = "word::if_any")]` of a value that may be missing.
pub(super) mod if_any {
    use super::{Deserializer, Serialize, Serializer, Word};

    #[expect(clippy::ref_option, reason = "serde hands a reference to the field in")]
    pub(in crate::model) fn serialize<T: Word, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Word::write).serialize(to)
    }

    pub(in crate::model) fn deserialize<'de, T: Word, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<T>, D::Error> {
        super::deserialize(from).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Seeded,
        model::{Alphabet, Draw, Model, PlainAppend, PlainRead, PlainSelector, Question},
    };

    const ALPHABET: Alphabet = Alphabet { streams: 3, keys: 5, ids: 9, payload_bytes_max: 60 };

    fn again<T: Serialize + for<'de> Deserialize<'de>>(value: &T) -> T {
        let line = serde_json::to_string(value).expect("every value has a line");
        assert!(!line.contains('\n'), "{line}");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    #[test]
    fn whatever_is_drawn_is_read_back_from_its_line() {
        let (mut choices, mut model) = (Seeded::new(3), Model::new(40));
        for number in 0..2_000 {
            let append = Draw::new(&mut choices, ALPHABET, model.now()).append();
            assert_eq!(again(&append), append);
            let question = Draw::new(&mut choices, ALPHABET, model.now()).question();
            assert_eq!(again(&question), question);
            if number % 20 == 0 {
                model.append(&append, WallTime::from_unix_nanos(number));
            }
        }
        assert!(model.head() > 20, "there was something to repeat");
    }

    #[test]
    fn every_question_of_a_store_is_read_back_from_its_line() {
        let (mut choices, mut model) = (Seeded::new(4), Model::new(40));
        for _ in 0..60 {
            let append = Draw::new(&mut choices, ALPHABET, model.now()).append();
            model.append(&append, WallTime::default());
        }
        let all = Question::of_everything(model.now());
        assert!(all.iter().all(|question| again(question) == *question));
    }

    #[test]
    fn what_is_as_usual_takes_no_room() {
        let line = |value: &PlainAppend| serde_json::to_string(value).expect("it has a line");
        let mut append = PlainAppend::default();
        assert_eq!(line(&append), "{}");
        append.writes.push(("a-1".into(), crate::model::PlainEvent::new("A", "yes")));
        append.fence = Some(("f1".into(), 3));
        assert_eq!(
            line(&append),
            r#"{"writes":[["a-1",{"type":"A","payload":"yes"}]],"fence":["f1",3]}"#
        );
        let read = PlainRead::of(PlainSelector::Stream("a-1".into()));
        let line = serde_json::to_string(&Question::Read(read)).expect("it has a line");
        assert_eq!(line, r#"{"read":{"of":{"stream":"a-1"}}}"#);
    }

    #[test]
    fn bytes_that_are_no_text_are_hexadecimal() {
        for bytes in [&b"abc"[..], b"", b"0x61", b"\x00\xFF", b"a\nb", "\u{e4}".as_bytes()] {
            let word = bytes.to_vec().write();
            assert_eq!(Vec::<u8>::read(&word).as_deref(), Some(bytes), "{word}");
        }
        assert_eq!(
            (b"0x".to_vec().write(), vec![0, 0xAB].write()),
            ("0x3078".into(), "0x00ab".into())
        );
        assert_eq!([Vec::<u8>::read("0x1"), Vec::<u8>::read("0xzz")], [None, None]);
    }

    #[test]
    fn a_word_that_says_nothing_is_refused() {
        assert_eq!(ContentType::read("127"), None);
        assert_eq!(ExpectedRevision::read("maybe"), None);
        assert_eq!(EventId::read("7z"), None);
        assert!(serde_json::from_str::<PlainAppend>(r#"{"wriets":[]}"#).is_err());
    }
}
