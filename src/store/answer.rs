//! Answers: what an append came to, as the index keeps it behind a command's key.
//!
//! Encoded when the append is applied and decoded when its key is met again, perhaps years later
//! and from a file that somebody forged: decoding is bounded and total. Decides nothing.

use crate::{
    append::Committed,
    ids::{Position, Revision, SegmentId},
    limits::{APPEND_EVENTS_MAX, COMMIT_POSITIONS_MAX, COUNTER_MAX},
    log::{Place, fields::Fields},
    names::{StreamId, is_system},
    store::fault::RunFault,
};

/// Bytes of the longest answer: the longest payload that a page of the index takes.
pub(crate) const ANSWER_BYTES_MAX: usize = 2048;

/// In place of the number of streams: they do not fit and stand in the log alone.
const IN_LOG: u16 = u16::MAX;
const HEAD_BYTES: usize = 8 + 4 + 16 + 8 + 8 + 2;
/// The shortest row: a name of one byte and a revision.
const ROW_BYTES_MIN: usize = 1 + 1 + 8;

/// Where the revisions of an earlier append are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Revisions {
    /// The streams in the order of their first event, each with the revision of its last one.
    Known(Vec<(StreamId, Revision)>),
    /// Too many to be kept: they have to be read from the commit whose frame begins here.
    InLog(Place),
}

/// What an append came to when it was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Original {
    pub(crate) first: Position,
    pub(crate) positions: u32,
    pub(crate) revisions: Revisions,
}

impl Original {
    /// The answer to the repetition, with its revisions.
    pub(crate) fn committed_with(&self, revisions: Vec<(StreamId, Revision)>) -> Committed {
        Committed { first: self.first, positions: self.positions, revisions, replayed: true }
    }
}

/// What stands behind a command's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyAnswer {
    /// What the content of the append came to: see [`crate::Append::key`].
    pub(crate) fingerprint: u128,
    pub(crate) original: Original,
}

/// An answer on its way into the index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewAnswer {
    pub(crate) first: Position,
    pub(crate) positions: u32,
    pub(crate) fingerprint: u128,
    pub(crate) place: Place,
}

impl NewAnswer {
    /// Writes the answer into `bytes`, in place of what was there. `streams` are the names in the
    /// order of their first event, each with the revision of its last one.
    pub(crate) fn encode<'a>(
        &self,
        streams: impl Iterator<Item = (&'a str, Revision)>,
        bytes: &mut Vec<u8>,
    ) {
        bytes.clear();
        bytes.extend_from_slice(&self.first.get().to_le_bytes());
        bytes.extend_from_slice(&self.positions.to_le_bytes());
        bytes.extend_from_slice(&self.fingerprint.to_le_bytes());
        bytes.extend_from_slice(&self.place.segment.get().to_le_bytes());
        bytes.extend_from_slice(&self.place.offset.to_le_bytes());
        bytes.extend_from_slice(&IN_LOG.to_le_bytes());
        let mut count = 0_u16;
        for (name, last) in streams {
            if bytes.len() + 1 + name.len() + 8 > ANSWER_BYTES_MAX {
                bytes.truncate(HEAD_BYTES);
                return;
            }
            bytes.push(u8::try_from(name.len()).expect("a stream's name has at most 255 bytes"));
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(&last.get().to_le_bytes());
            count += 1;
        }
        let field = bytes.get_mut(HEAD_BYTES - 2..HEAD_BYTES).expect("the head stands in front");
        field.copy_from_slice(&count.to_le_bytes());
    }
}

impl KeyAnswer {
    /// Reads what [`NewAnswer::encode`] wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RunFault> {
        decode(bytes).ok_or(RunFault::new("an answer that cannot be read"))
    }
}

fn decode(bytes: &[u8]) -> Option<KeyAnswer> {
    let mut fields = Fields::new(bytes);
    let first = Position::new(fields.counter()?);
    let positions = fields.u32().filter(|count| (1..=COMMIT_POSITIONS_MAX).contains(count))?;
    let fingerprint = u128::from_le_bytes(fields.id()?);
    let segment = SegmentId::new(fields.counter()?);
    let place = Place { segment, offset: fields.counter()? };
    let count = fields.u16()?;
    let rest = bytes.len().checked_sub(HEAD_BYTES)?;
    let revisions = if count == IN_LOG {
        (rest == 0).then_some(Revisions::InLog(place))?
    } else {
        let count = usize::from(count);
        if count > APPEND_EVENTS_MAX || count > rest / ROW_BYTES_MIN {
            return None;
        }
        let mut revisions = Vec::with_capacity(count);
        for _ in 0..count {
            let length = fields.u8()?;
            let stream = stream_of(fields.bytes(length.into())?)?;
            revisions.push((stream, Revision::new(fields.counter()?)));
        }
        Revisions::Known(revisions)
    };
    let whole = fields.u8().is_none() && first.get() + u64::from(positions) <= COUNTER_MAX;
    let original = Original { first, positions, revisions };
    whole.then_some(KeyAnswer { fingerprint, original })
}

/// The stream of this name, one of the system's included.
pub(crate) fn stream_of(name: &[u8]) -> Option<StreamId> {
    let name = std::str::from_utf8(name).ok()?;
    let parsed = if is_system(name) { StreamId::system(name) } else { StreamId::parse(name) };
    parsed.ok()
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::indexing_slicing,
        reason = "a test that indexes out of bounds fails, which is what it is for"
    )]

    use super::*;
    use crate::store::random::Random;

    const PLACE: Place = Place { segment: SegmentId::new(3), offset: 4096 };

    fn answer(positions: u32) -> NewAnswer {
        NewAnswer { first: Position::new(17), positions, fingerprint: 1 << 100, place: PLACE }
    }

    fn encoded(names: &[String]) -> Vec<u8> {
        let streams = names.iter().zip(5..).map(|(name, last)| (&**name, Revision::new(last)));
        let mut bytes = vec![9; 9];
        answer(4096).encode(streams, &mut bytes);
        bytes
    }

    #[test]
    fn an_answer_comes_back_whole() {
        let names = ["order-1".to_owned(), "$commits".to_owned(), "x".repeat(255)];
        let found = KeyAnswer::decode(&encoded(&names)).expect("it was encoded just now");
        let stream = |name: &String| stream_of(name.as_bytes()).expect("a name");
        let known = names.iter().zip(5..).map(|(name, last)| (stream(name), Revision::new(last)));
        assert_eq!(found.fingerprint, 1 << 100);
        assert_eq!(found.original.first, Position::new(17));
        assert_eq!(found.original.positions, 4096);
        assert_eq!(found.original.revisions, Revisions::Known(known.collect()));
        assert!(found.original.committed_with(Vec::new()).replayed);
    }

    #[test]
    fn what_does_not_fit_a_page_is_left_in_the_log() {
        let names: Vec<String> = (0..4096).map(|number| format!("order-{number}")).collect();
        let bytes = encoded(&names);
        assert_eq!(bytes.len(), HEAD_BYTES);
        let found = KeyAnswer::decode(&bytes).expect("it was encoded just now");
        assert_eq!(found.original.revisions, Revisions::InLog(PLACE));
        for count in 1..300 {
            let bytes = encoded(&names[..count]);
            assert!(bytes.len() <= ANSWER_BYTES_MAX, "{count} streams");
            assert!(KeyAnswer::decode(&bytes).is_ok(), "{count} streams");
        }
    }

    #[test]
    fn forged_answers_are_faults_and_never_a_panic() {
        let names = ["order-1".to_owned(), "order-2".to_owned()];
        let bytes = encoded(&names);
        for length in 0..bytes.len() {
            assert!(KeyAnswer::decode(&bytes[..length]).is_err(), "{length} bytes");
        }
        assert!(KeyAnswer::decode(&[&bytes[..], &[0]].concat()).is_err());
        let mut random = Random::new(1);
        for at in 0..bytes.len() {
            for _ in 0..8 {
                let mut forged = bytes.clone();
                forged[at] = random.next().to_le_bytes()[0];
                let _ = KeyAnswer::decode(&forged);
            }
        }
        let mut counted = bytes;
        counted[HEAD_BYTES - 2..HEAD_BYTES].copy_from_slice(&4096_u16.to_le_bytes());
        assert!(KeyAnswer::decode(&counted).is_err(), "more streams than bytes");
    }
}
