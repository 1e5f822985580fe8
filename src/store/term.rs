//! Terms: what the index can be asked for. One byte for the kind, then a name.
//!
//! All terms stand in one sorted space, so that one tree, one filter and one merge serve them all.
//! Does not know what a valid name is beyond its length: names are checked where they come in.

/// Bytes of the longest name.
pub(crate) const NAME_BYTES_MAX: usize = 255;
/// Bytes of the longest term: the kind and a name.
pub(crate) const TERM_BYTES_MAX: usize = 1 + NAME_BYTES_MAX;

/// What a term names, and so what stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum TermKind {
    /// The events of a stream; its postings also carry revisions.
    Stream,
    /// The events of all streams of a category.
    Category,
    /// The events of a type.
    Type,
    /// The events with a tag.
    Tag,
    /// The events of a type in system streams, apart so that a query never meets them unasked.
    SystemType,
    /// The events with a tag in system streams.
    SystemTag,
    /// The event with an identity of 16 bytes.
    EventId,
    /// What the append with a command key came to.
    CommandKey,
    /// How far a consumer has got.
    Checkpoint,
    /// The highest fencing token that was seen.
    Fence,
    /// Where a position lies: the first position of a group, highest byte first.
    PlaceMark,
    /// What was recorded when: nanoseconds and a position, highest byte first.
    TimeMark,
}

impl TermKind {
    /// The first byte of a term of this kind.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Stream => b's',
            Self::Category => b'c',
            Self::Type => b't',
            Self::Tag => b'g',
            Self::SystemType => b'T',
            Self::SystemTag => b'G',
            Self::EventId => b'i',
            Self::CommandKey => b'k',
            Self::Checkpoint => b'n',
            Self::Fence => b'f',
            Self::PlaceMark => b'p',
            Self::TimeMark => b'w',
        }
    }

    /// The kind of `term`; `None` if it is empty or of no kind that this version knows.
    pub(crate) const fn of(term: &[u8]) -> Option<Self> {
        let Some(code) = term.first() else { return None };
        match *code {
            b's' => Some(Self::Stream),
            b'c' => Some(Self::Category),
            b't' => Some(Self::Type),
            b'g' => Some(Self::Tag),
            b'T' => Some(Self::SystemType),
            b'G' => Some(Self::SystemTag),
            b'i' => Some(Self::EventId),
            b'k' => Some(Self::CommandKey),
            b'n' => Some(Self::Checkpoint),
            b'f' => Some(Self::Fence),
            b'p' => Some(Self::PlaceMark),
            b'w' => Some(Self::TimeMark),
            _ => None,
        }
    }

    /// Whether postings stand behind terms of this kind; otherwise it is a value.
    pub(crate) const fn is_postings(self) -> bool {
        match self {
            Self::Stream
            | Self::Category
            | Self::Type
            | Self::Tag
            | Self::SystemType
            | Self::SystemTag
            | Self::EventId => true,
            Self::CommandKey
            | Self::Checkpoint
            | Self::Fence
            | Self::PlaceMark
            | Self::TimeMark => false,
        }
    }

    /// Writes the term of this kind and `name` into `term`, in place of what was there.
    ///
    /// # Panics
    /// If the name is longer than [`NAME_BYTES_MAX`].
    pub(crate) fn write(self, name: &[u8], term: &mut Vec<u8>) {
        assert!(name.len() <= NAME_BYTES_MAX, "a name of {} bytes is too long", name.len());
        term.clear();
        term.push(self.code());
        term.extend_from_slice(name);
    }
}

/// The term of `kind` and `name`, in memory of its own.
///
/// # Panics
/// If the name is longer than [`NAME_BYTES_MAX`].
pub(crate) fn term_of(kind: TermKind, name: &[u8]) -> Vec<u8> {
    let mut term = Vec::with_capacity(1 + name.len());
    kind.write(name, &mut term);
    term
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sample::KINDS;

    #[test]
    fn a_term_knows_its_kind() {
        for kind in KINDS {
            assert_eq!(TermKind::of(&term_of(kind, b"x")), Some(kind));
            assert_eq!(TermKind::of(&term_of(kind, &[0xFF; 255])), Some(kind));
        }
        assert!(KINDS.map(TermKind::code).is_sorted_by(|a, b| a < b));
        let known = (0..=u8::MAX).filter(|code| TermKind::of(&[*code]).is_some()).count();
        assert_eq!(known, KINDS.len());
        assert_eq!(TermKind::of(&[]), None);
    }

    #[test]
    fn seven_kinds_have_postings() {
        let with: Vec<u8> =
            KINDS.iter().filter(|kind| kind.is_postings()).map(|kind| kind.code()).collect();
        assert_eq!(with, b"GTcgist");
    }

    #[test]
    #[should_panic(expected = "too long")]
    fn a_name_beyond_the_limit_makes_no_term() {
        term_of(TermKind::Tag, &[0; 256]);
    }
}
