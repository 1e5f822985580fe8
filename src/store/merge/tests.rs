//! The policy as a table, and as a simulation of many seals.
#![expect(
    clippy::indexing_slicing,
    reason = "a test that indexes out of bounds fails, which is what it is for"
)]

use super::*;
use crate::{
    ids::Position,
    store::{payload::PostingsBody, random::Random},
};

/// A run as its first segment, its last one, and whether it is whole.
type Row = (u64, u64, bool);

/// Runs with adjacent positions.
fn spans(rows: &[Row]) -> Vec<RunSpan> {
    let names = (0..).map(|at| RunName { first: Position::new(at), end: Position::new(at + 1) });
    let span = |(name, (first, last, whole)): (RunName, &Row)| RunSpan {
        name,
        first_segment: SegmentId::new(*first),
        last_segment: SegmentId::new(*last),
        whole: *whole,
    };
    names.zip(rows).map(span).collect()
}

/// Whole runs of so many segments each, one behind the other.
fn wholes(segments: &[u64]) -> Vec<Row> {
    let mut next = 1;
    let mut rows = Vec::new();
    for count in segments {
        rows.push((next, next + count - 1, true));
        next += count;
    }
    rows
}

#[test]
fn pieces_are_merged_when_their_segment_is_sealed() {
    let table: [(&[Row], Option<Range<usize>>); 9] = [
        (&[], None),
        (&[(1, 1, true)], None),
        (&[(1, 1, false)], None),
        (&[(1, 1, false), (1, 1, false)], None),
        (&[(1, 1, false), (1, 1, true)], Some(0..2)),
        (&[(1, 1, true), (2, 2, false), (2, 2, false), (2, 2, true)], Some(1..4)),
        (&[(1, 1, true), (2, 2, false), (2, 2, true), (3, 3, false)], Some(1..3)),
        (&[(1, 1, false), (1, 2, false), (2, 2, true)], Some(0..3)),
        (&[(1, 40, false), (40, 65, true)], None),
    ];
    for (rows, expected) in table {
        assert_eq!(plan_merge(&spans(rows)), expected, "{rows:?}");
    }
}

#[test]
fn eight_adjacent_runs_of_a_class_are_merged() {
    let table: [(&[u64], Option<Range<usize>>); 11] = [
        (&[1; 7], None),
        (&[1; 8], Some(0..8)),
        (&[1; 9], Some(0..8)),
        (&[8, 1, 1, 1, 1, 1, 1, 1, 1], Some(1..9)),
        (&[7; 8], Some(0..8)),
        (&[8; 8], Some(0..8)),
        (&[64, 8, 8, 8, 8, 8, 8, 8, 8], Some(1..9)),
        (&[9; 8], Some(0..7)),
        (&[40, 40, 40, 40, 20, 20, 20, 9, 9, 9, 9], Some(3..5)),
        (&[1, 1, 1, 1, 8, 1, 1, 1, 1], None),
        (&[64; 20], None),
    ];
    for (segments, expected) in table {
        assert_eq!(plan_merge(&spans(&wholes(segments))), expected, "{segments:?}");
    }
    let mut rows = wholes(&[1; 8]);
    rows.extend([(9, 9, false), (9, 9, true)]);
    assert_eq!(plan_merge(&spans(&rows)), Some(8..10), "pieces first");
}

fn merge(runs: &mut Vec<RunSpan>, range: Range<usize>) {
    let merged: Vec<RunSpan> = runs.drain(range.clone()).collect();
    let (first, last) = (merged.first().expect("some"), merged.last().expect("some"));
    assert!(merged.windows(2).all(|pair| pair[0].name.end == pair[1].name.first));
    let segments = last.last_segment.get() - first.first_segment.get() + 1;
    assert!(merged.len() > 1 && segments <= SEGMENTS_MAX);
    let name = RunName { first: first.name.first, end: last.name.end };
    let span = RunSpan { name, first_segment: first.first_segment, ..*last };
    runs.insert(range.start, span);
}

#[test]
fn after_any_number_of_seals_there_are_few_runs_and_little_was_written_anew() {
    let mut random = Random::new(10);
    let mut runs: Vec<RunSpan> = Vec::new();
    let (mut next, mut moved) = (0, 0);
    for segment in 1..=1000 {
        let pieces = 1 + random.below(4);
        for piece in 1..=pieces {
            let name = RunName { first: Position::new(next), end: Position::new(next + 10) };
            next += 10;
            let id = SegmentId::new(segment);
            let whole = piece == pieces;
            let span = RunSpan { name, first_segment: id, last_segment: id, whole };
            runs.push(span);
            while let Some(range) = plan_merge(&runs) {
                let merged = runs.get(range.clone()).unwrap_or_default();
                let length = |run: &RunSpan| run.name.end.get() - run.name.first.get();
                moved += merged.iter().map(length).sum::<u64>();
                merge(&mut runs, range);
            }
            let open = if whole { 0 } else { piece };
            let most = 7 + 7 + segment.div_ceil(64) + open;
            assert!(u64::try_from(runs.len()).is_ok_and(|runs| runs <= most), "{segment}");
        }
    }
    assert!(moved <= 3 * next, "each event is moved three times at most: {moved} of {next}");
}

#[test]
fn any_arrangement_comes_to_rest() {
    let mut random = Random::new(11);
    for _ in 0..300 {
        let mut rows = Vec::new();
        let mut segment = 1;
        for _ in 0..random.below(60) {
            let first = segment;
            segment += [0, 0, 1, random.below(10), random.below(80)]
                [usize::try_from(random.below(5)).expect("small")];
            let whole = random.below(2) == 0;
            rows.push((first, segment, whole));
            segment += u64::from(whole);
        }
        let mut runs = spans(&rows);
        while let Some(range) = plan_merge(&runs) {
            merge(&mut runs, range);
        }
    }
}

#[test]
fn lists_are_put_one_behind_the_other_if_they_follow() {
    let list = |first_ordinal, count, first, last| PostingsPayload {
        first_ordinal,
        count,
        first: Position::new(first),
        last: Position::new(last),
        body: PostingsBody::Pages { first: 1, count: 1 },
    };
    let older = list(5, 10, 100, 200);
    let follows = list(15, 1, 201, 201);
    let gap = list(16, 1, 201, 201);
    let overlaps = list(15, 1, 200, 200);
    let plain = [list(0, 10, 100, 200), list(0, 1, 300, 300)];
    assert_eq!(join_lists(TermKind::Stream, &[older, follows]), Ok(5));
    assert_eq!(join_lists(TermKind::Stream, &[older]), Ok(5));
    assert_eq!(join_lists(TermKind::Tag, &plain), Ok(0));
    assert!(join_lists(TermKind::Stream, &[older, gap]).is_err());
    assert!(join_lists(TermKind::Stream, &[older, overlaps]).is_err());
    assert!(join_lists(TermKind::Stream, &[follows, older]).is_err());
    assert!(join_lists(TermKind::Stream, &plain).is_err());
    assert!(join_lists(TermKind::Tag, &[older]).is_err());
    assert!(join_lists(TermKind::Tag, &[]).is_err());
}

#[test]
fn of_values_the_newest_counts() {
    assert_eq!(join_values(&[b"old", b"new"]), Some(b"new".as_slice()));
    assert_eq!(join_values(&[]), None);
}
