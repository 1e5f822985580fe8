//! The name of a run: the positions that it covers. Does not open files.

use crate::{ids::Position, log::segment::parse_padded};

/// A run's name: it covers the positions from `first` up to, not including, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RunName {
    /// The first position.
    pub(crate) first: Position,
    /// The position behind the last.
    pub(crate) end: Position,
}

impl RunName {
    /// The name of the run's file.
    pub(crate) fn file_name(self) -> String {
        format!("run-{:020}-{:020}.idx", self.first.get(), self.end.get())
    }

    /// The run that a file of this name holds, if it is the name of a run; none is empty.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let numbers = name.strip_prefix("run-")?.strip_suffix(".idx")?;
        let (first, end) = numbers.split_once('-')?;
        let first = Position::new(parse_padded(first)?);
        let end = Position::new(parse_padded(end)?);
        (first < end).then_some(Self { first, end })
    }

    /// Whether the run covers `position`.
    pub(crate) fn covers(self, position: Position) -> bool {
        (self.first..self.end).contains(&position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(first: u64, end: u64) -> RunName {
        RunName { first: Position::new(first), end: Position::new(end) }
    }

    #[test]
    fn a_file_name_is_a_run_or_nothing() {
        for run in [name(0, 1), name(7, 1 << 40), name(0, u64::MAX)] {
            assert_eq!(RunName::parse(&run.file_name()), Some(run));
        }
        assert_eq!(name(1, 20).file_name(), "run-00000000000000000001-00000000000000000020.idx");
        for text in [
            "",
            "run-1-20.idx",
            "run-00000000000000000001-00000000000000000001.idx",
            "run-00000000000000000002-00000000000000000001.idx",
            "run-00000000000000000001-00000000000000000020.idx.draft",
            "run-+0000000000000000001-00000000000000000020.idx",
            "run-00000000000000000001-99999999999999999999.idx",
            "run-00000000000000000001.idx",
            "00000000000000000001-00000000000000000020.idx",
        ] {
            assert_eq!(RunName::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_run_covers_its_first_and_not_its_end() {
        let run = name(3, 5);
        let covered = (0..8).filter(|at| run.covers(Position::new(*at)));
        assert_eq!(covered.collect::<Vec<u64>>(), [3, 4]);
    }
}
