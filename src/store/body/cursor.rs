//! Reads the fields of a body in order: bounded, and a fault wherever the bytes end too soon.
//!
//! Knows numbers, names and ranges, and not what they mean.

use super::BodyFault;
use crate::{
    limits::COUNTER_MAX,
    log::fields::{Fields, usize_from},
};
use std::str;

/// A range of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(super) fn of(self, body: &[u8]) -> &[u8] {
        body.get(usize_from(self.start.into())..usize_from(self.end.into())).unwrap_or_default()
    }

    pub(super) fn text(self, body: &[u8]) -> &str {
        str::from_utf8(self.of(body)).expect("texts were checked when the body was decoded")
    }
}

/// Reads a body's fields in order and knows where it stands.
pub(super) struct Cursor<'a> {
    body: &'a [u8],
    fields: Fields<'a>,
    pub(super) at: u32,
}

pub(super) type Read<T> = Result<T, BodyFault>;

pub(super) const SHORT: BodyFault = BodyFault("it ends in the middle of a field");

impl<'a> Cursor<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { body, fields: Fields::new(body), at: 0 }
    }

    pub(super) fn u8(&mut self) -> Read<u8> {
        self.at += 1;
        self.fields.u8().ok_or(SHORT)
    }

    pub(super) fn u16(&mut self) -> Read<u16> {
        self.at += 2;
        self.fields.u16().ok_or(SHORT)
    }

    pub(super) fn u32(&mut self) -> Read<u32> {
        self.at += 4;
        self.fields.u32().ok_or(SHORT)
    }

    pub(super) fn u64(&mut self) -> Read<u64> {
        self.at += 8;
        self.fields.u64().ok_or(SHORT)
    }

    pub(super) fn counter(&mut self) -> Read<u64> {
        let number = self.u64()?;
        if number > COUNTER_MAX { Err(BodyFault("a counter is out of bounds")) } else { Ok(number) }
    }

    pub(super) fn id(&mut self) -> Read<[u8; 16]> {
        self.at += 16;
        self.fields.id().ok_or(SHORT)
    }

    pub(super) fn span(&mut self, length: u32) -> Read<Span> {
        let start = self.at;
        self.fields.bytes(usize_from(length.into())).ok_or(SHORT)?;
        self.at += length;
        Ok(Span { start, end: self.at })
    }

    pub(super) fn text(&mut self) -> Read<Span> {
        let length = self.u8()?;
        let span = self.span(length.into())?;
        match str::from_utf8(span.of(self.body)) {
            Ok(_) => Ok(span),
            Err(_) => Err(BodyFault("a text is not UTF-8")),
        }
    }

    pub(super) fn name(&mut self) -> Read<Span> {
        let name = self.text()?;
        if name.start == name.end { Err(BodyFault("a name is empty")) } else { Ok(name) }
    }
}
