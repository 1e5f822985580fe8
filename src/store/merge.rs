//! Which runs are put together, and how their entries are.
//!
//! A policy without a memory: it looks at the runs as they are and names one range to merge, or
//! none; whoever carries it out asks again. The number of runs stays small, because a look-up asks
//! every one of them, and every event is written anew a bounded number of times: once at the seal
//! of its segment, once on the way to 8 segments, once on the way to 64. Does not read runs.

use crate::{
    ids::SegmentId,
    store::{fault::RunFault, payload::PostingsPayload, run_name::RunName, term::TermKind},
};
use std::ops::Range;

/// How many runs of one class become one.
const FAN_IN: usize = 8;
/// How many segments one run covers at most.
pub(crate) const SEGMENTS_MAX: u64 = 64;

/// What the policy knows of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunSpan {
    /// The run.
    pub(crate) name: RunName,
    /// The first segment that it has data of.
    pub(crate) first_segment: SegmentId,
    /// The last segment that it has data of.
    pub(crate) last_segment: SegmentId,
    /// Whether it ends exactly where that segment ended.
    pub(crate) whole: bool,
}

/// The classes of runs of whole segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Below 8 segments.
    Few,
    /// Below 64 segments.
    Many,
    /// As large as a run gets.
    Full,
}

/// Adjacent runs from one boundary of segments to another.
#[derive(Debug)]
struct Unit {
    runs: Range<usize>,
    segments: u64,
}

impl Unit {
    fn class(&self) -> Class {
        match self.segments {
            0..8 => Class::Few,
            8..SEGMENTS_MAX => Class::Many,
            _ => Class::Full,
        }
    }
}

/// Which of the live runs, given from the oldest to the newest and adjacent to each other, are to
/// become one run; `None` if all is well.
pub(crate) fn plan_merge(runs: &[RunSpan]) -> Option<Range<usize>> {
    let units = units(runs);
    let in_pieces = units.iter().find(|unit| unit.runs.len() > 1 && unit.segments <= SEGMENTS_MAX);
    if let Some(pieces) = in_pieces {
        return Some(pieces.runs.clone());
    }
    units.windows(FAN_IN).find_map(same_class)
}

/// Cuts the runs at the boundaries of segments. What comes behind the last boundary are pieces of
/// a segment that is still being written; they are left alone.
fn units(runs: &[RunSpan]) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut start = 0;
    for (at, _) in runs.iter().enumerate().filter(|(_, run)| run.whole) {
        let within = runs.get(start..=at).unwrap_or_default();
        if let [first, ..] = within
            && let [.., last] = within
        {
            let further = last.last_segment.get().saturating_sub(first.first_segment.get());
            units.push(Unit { runs: start..at + 1, segments: further.saturating_add(1) });
        }
        start = at + 1;
    }
    units
}

/// As many of these units, the oldest first, as fit one run, if they are of one class.
fn same_class(window: &[Unit]) -> Option<Range<usize>> {
    let oldest = window.first()?;
    let class = oldest.class();
    if class == Class::Full || window.iter().any(|unit| unit.class() != class) {
        return None;
    }
    let mut segments = 0_u64;
    let fitting = window.iter().take_while(|unit| {
        segments = segments.saturating_add(unit.segments);
        segments <= SEGMENTS_MAX
    });
    let newest = fitting.last()?;
    let runs = oldest.runs.start..newest.runs.end;
    // Two that do not fit together stay two.
    (runs.len() > 1).then_some(runs)
}

/// What the lists of one term in adjacent runs, the oldest first, are when put one behind the
/// other: the ordinal of the first posting. A fault if they do not follow each other.
pub(crate) fn join_lists(kind: TermKind, lists: &[PostingsPayload<'_>]) -> Result<u64, RunFault> {
    let fault = RunFault::new("lists of adjacent runs that do not follow each other");
    let follow = lists.windows(2).all(|pair| match pair {
        [older, newer] => {
            let joined = older.end_ordinal() == newer.first_ordinal;
            older.last < newer.first && (joined || kind != TermKind::Stream)
        }
        _ => false,
    });
    let has_ordinals = kind == TermKind::Stream || lists.iter().all(|list| list.first_ordinal == 0);
    let oldest = lists.first().ok_or(fault)?;
    (follow && has_ordinals).then_some(oldest.first_ordinal).ok_or(fault)
}

/// Which of the values of one term in adjacent runs, the oldest first, counts: the newest.
pub(crate) fn join_values<'a>(values: &[&'a [u8]]) -> Option<&'a [u8]> {
    values.last().copied()
}

#[cfg(test)]
mod tests;
