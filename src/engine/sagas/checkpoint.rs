//! The list of unfinished sagas, written now and then, so that an opening has to look at the log
//! behind it only.
//!
//! Not a truth: it says which sagas were unfinished in front of a position; what came behind is
//! read from the journals. A list that is not whole is passed over for the one before it. The bytes
//! are drawn in `docs/FORMAT.md`.

use super::{names, read::Books};
use crate::{
    append::Append,
    error::{ReadError, SagaError},
    ids::{FencingToken, Position},
    names::SagaId,
    read::Read,
};
use bytes::{Buf as _, Bytes};
use std::collections::BTreeMap;

const VERSION: u8 = 1;

/// How large a part of a list may become, in bytes: small enough for the smallest usual group.
const PART_BYTES: usize = 64 << 10;

/// The sagas that were unfinished in front of a position, each with the position of its first turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unfinished {
    pub(super) sagas: BTreeMap<SagaId, Position>,
    /// What stands from here on is not accounted for.
    pub(super) from: Position,
}

impl Unfinished {
    /// The appends that store the list: its parts, the last of which makes it count.
    pub(super) fn appends(&self, token: FencingToken) -> Vec<Append> {
        let parts = self.parts();
        let of = u32::try_from(parts.len()).expect("each part has many sagas");
        let numbered = (1_u32..).zip(parts);
        let append = |(number, (count, sagas)): (u32, (u32, Vec<u8>))| {
            let mut payload = vec![VERSION];
            payload.extend_from_slice(&self.from.get().to_le_bytes());
            for field in [number, of, count] {
                payload.extend_from_slice(&field.to_le_bytes());
            }
            payload.extend_from_slice(&sagas);
            let event = names::unfinished_event(payload);
            Append::new().fence(names::fence(), token).event(names::checkpoints(), event)
        };
        numbered.map(append).collect()
    }

    fn parts(&self) -> Vec<(u32, Vec<u8>)> {
        let mut parts = vec![(0, Vec::new())];
        for (id, first) in &self.sagas {
            let full = parts.last().is_some_and(|(_, bytes)| bytes.len() >= PART_BYTES);
            if full {
                parts.push((0, Vec::new()));
            }
            let (count, bytes) = parts.last_mut().expect("there is always one");
            *count += 1;
            bytes.push(u8::try_from(id.as_str().len()).expect("a name has at most 255 bytes"));
            bytes.extend_from_slice(id.as_str().as_bytes());
            bytes.extend_from_slice(&first.get().to_le_bytes());
        }
        parts
    }

    /// The newest whole list that can be read; an empty one from the beginning if there is none. An
    /// older list says the same with the journals behind it, which only takes longer.
    pub(super) async fn read(books: &Books) -> Result<Self, SagaError> {
        let mut events = books.read(Read::stream(names::checkpoints()).backward());
        // The parts of one list stand side by side, the last one first.
        let mut list: Option<(Self, Part)> = None;
        loop {
            let event = match events.next().await {
                Ok(Some(event)) => event,
                Ok(None) | Err(ReadError::StreamNotFound(_)) => return Ok(Self::default()),
                Err(ReadError::Undecodable { position, reason }) => {
                    tracing::warn!(%position, reason, "a list of unfinished sagas is passed over");
                    list = None;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let Some((part, sagas)) = Part::decode(event.payload()) else {
                let position = event.position();
                tracing::warn!(%position, "a list of unfinished sagas cannot be read");
                list = None;
                continue;
            };
            let goes_on = list.as_ref().is_some_and(|(_, behind)| part.is_before(behind));
            if !goes_on {
                list = part.is_last().then(|| (Self { from: part.from, ..Self::default() }, part));
            }
            if let Some((found, behind)) = &mut list {
                found.sagas.extend(sagas);
                *behind = part;
                if part.number == 1 {
                    return Ok(list.map(|(found, _)| found).unwrap_or_default());
                }
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Part {
    from: Position,
    number: u32,
    of: u32,
}

impl Part {
    fn is_last(&self) -> bool {
        self.number == self.of
    }

    fn is_before(&self, behind: &Self) -> bool {
        self.from == behind.from && self.of == behind.of && self.number + 1 == behind.number
    }

    fn decode(mut bytes: Bytes) -> Option<(Self, Vec<(SagaId, Position)>)> {
        if bytes.try_get_u8().ok()? != VERSION {
            return None;
        }
        let from = Position::new(bytes.try_get_u64_le().ok()?);
        let number = bytes.try_get_u32_le().ok()?;
        let of = bytes.try_get_u32_le().ok()?;
        let count = bytes.try_get_u32_le().ok()?;
        if !(1..=of).contains(&number) {
            return None;
        }
        let mut sagas = Vec::new();
        for _ in 0..count {
            let length = usize::from(bytes.try_get_u8().ok()?);
            let id = bytes.get(..length).and_then(|id| SagaId::parse_bytes(id).ok())?;
            bytes.advance(length);
            sagas.push((id, Position::new(bytes.try_get_u64_le().ok()?)));
        }
        bytes.is_empty().then_some((Self { from, number, of }, sagas))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that were written once: a list of two sagas in front of position 258.
    #[rustfmt::skip]
    const GOLDEN: &[u8] = &[
        1,
        2, 1, 0, 0, 0, 0, 0, 0,
        1, 0, 0, 0,
        1, 0, 0, 0,
        2, 0, 0, 0,
        1, b'a', 7, 0, 0, 0, 0, 0, 0, 0,
        7, b'o', b'r', b'd', b'e', b'r', b'-', b'2', 1, 1, 0, 0, 0, 0, 0, 0,
    ];

    fn id(name: &str) -> SagaId {
        SagaId::parse(name).expect("a test names its sagas properly")
    }

    fn payloads(list: &Unfinished) -> Vec<Bytes> {
        let appends = list.appends(FencingToken::default());
        appends.iter().map(|append| append.writes[0].1.payload.clone()).collect()
    }

    #[test]
    fn the_bytes_of_a_list_are_those_that_were_written_once() {
        let sagas = [(id("a"), Position::new(7)), (id("order-2"), Position::new(257))];
        let list = Unfinished { sagas: sagas.into(), from: Position::new(258) };
        assert_eq!(payloads(&list), [GOLDEN]);
        let (part, read) = Part::decode(Bytes::from_static(GOLDEN)).expect("it stays readable");
        assert_eq!((part.from, part.number, part.of), (list.from, 1, 1));
        assert_eq!(read, sagas_of(&list));
    }

    #[test]
    fn a_long_list_has_parts_and_a_cut_one_is_none() {
        let sagas = (0..10_000).map(|n| (id(&format!("order-{n:05}")), Position::new(n)));
        let list = Unfinished { sagas: sagas.collect(), from: Position::new(10_000) };
        let parts = payloads(&list);
        assert!(parts.len() > 1, "each is at most a little over {PART_BYTES} bytes");
        let read = parts.iter().map(|part| Part::decode(part.clone()).expect("it is a part"));
        let read: Vec<_> = read.flat_map(|(_, sagas)| sagas).collect();
        assert_eq!(read, sagas_of(&list));
        for end in 0..GOLDEN.len() {
            assert!(Part::decode(Bytes::from_static(&GOLDEN[..end])).is_none(), "cut at {end}");
        }
    }

    fn sagas_of(list: &Unfinished) -> Vec<(SagaId, Position)> {
        list.sagas.iter().map(|(id, first)| (id.clone(), *first)).collect()
    }
}
