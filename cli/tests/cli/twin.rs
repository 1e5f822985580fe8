//! A file of events like the real one that the tests must not carry with them: the loan
//! applications at a Dutch bank of BPI Challenge 2012.
//!
//! Made from a fixed seed, so that every run imports the same bytes. Alike are: the fields, their
//! order and their spelling, the length of streams (from 3 to 175 events, half of them at most 11),
//! the share of each type, what the first events are, how streams interleave, times with both
//! offsets of the zone and with or without digits behind the second, and the kinds of values.

use std::fmt::Write as _;

const SEED: u64 = 0x5EED_0012;

/// Events of the real file, and its streams.
pub(crate) const REAL: (usize, usize) = (262_200, 13_087);

/// Lengths of streams at every tenth of them, from the shortest to the longest.
const LENGTHS: [u64; 11] = [3, 3, 3, 6, 6, 11, 21, 28, 35, 47, 175];
const LENGTH_MIN: usize = 3;
const LENGTH_MAX: usize = 175;

/// Types behind the first two events, with their share in the real file.
const TYPES: [(&str, u64); 22] = [
    ("W_Completeren aanvraag", 54_850),
    ("W_Nabellen offertes", 52_016),
    ("W_Nabellen incomplete dossiers", 25_190),
    ("W_Valideren aanvraag", 20_809),
    ("W_Afhandelen leads", 16_566),
    ("A_DECLINED", 7_635),
    ("A_PREACCEPTED", 7_367),
    ("O_SELECTED", 7_030),
    ("O_CREATED", 7_030),
    ("O_SENT", 7_030),
    ("A_ACCEPTED", 5_113),
    ("A_FINALIZED", 5_015),
    ("O_CANCELLED", 3_655),
    ("O_SENT_BACK", 3_454),
    ("A_CANCELLED", 2_807),
    ("A_REGISTERED", 2_246),
    ("A_ACTIVATED", 2_246),
    ("A_APPROVED", 2_246),
    ("O_ACCEPTED", 2_243),
    ("O_DECLINED", 802),
    ("W_Beoordelen fraude", 664),
    ("W_Wijzigen contractgegevens", 12),
];

/// Milliseconds of the half year in which applications were made, and how many of them had gone
/// by when the clocks went back an hour; both from midnight of 1 October 2011 in Amsterdam.
const HALF_YEAR_MS: u64 = 152 * 24 * 3_600_000;
const WINTER_MS: u64 = (29 * 24 + 3) * 3_600_000;

/// The lines of a file of `events` in `streams`.
pub(crate) fn twin(events: usize, streams: usize) -> Vec<u8> {
    assert!((LENGTH_MIN * streams..=LENGTH_MAX * streams).contains(&events));
    let mut random = Random(SEED);
    let mut lines = Vec::with_capacity(events);
    for (stream, length) in lengths(&mut random, events, streams).into_iter().enumerate() {
        let mut at = random.below(HALF_YEAR_MS);
        for place in 0..length {
            lines.push((at, stream, place, line(&mut random, at, stream, place)));
            // Mostly moments, now and then days; a few fall on a full second.
            let pause = 1 << random.below(28);
            at += 1 + random.below(pause);
            at = if random.below(1_000) == 0 { at.next_multiple_of(1_000) } else { at };
        }
    }
    lines.sort();
    lines.into_iter().flat_map(|(.., line)| line.into_bytes()).collect()
}

/// A length for each stream; `events` in all.
fn lengths(random: &mut Random, events: usize, streams: usize) -> Vec<usize> {
    let tenths = LENGTHS.windows(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>();
    let mut lengths: Vec<usize> = (0..streams)
        .map(|_| {
            let (from, to) = tenths[random.index(tenths.len())];
            // Long ones are rare within their tenth, too.
            let span = random.below(to - from + 1);
            usize::try_from(from + random.below(span + 1)).expect("a few")
        })
        .collect();
    let mut all: usize = lengths.iter().sum();
    while all != events {
        let length = &mut lengths[random.index(streams)];
        if all < events && (7..LENGTH_MAX).contains(length) {
            *length += 1;
            all += 1;
        } else if all > events && *length > LENGTH_MIN {
            *length -= 1;
            all -= 1;
        }
    }
    lengths
}

fn line(random: &mut Random, at: u64, stream: usize, place: usize) -> String {
    let event_type = match place {
        0 => "A_SUBMITTED",
        1 => "A_PARTLYSUBMITTED",
        _ => random.one_of(&TYPES),
    };
    let lifecycle = match event_type.as_bytes()[0] {
        b'W' => random.one_of(&[("COMPLETE", 72), ("START", 71), ("SCHEDULE", 26)]),
        _ => "COMPLETE",
    };
    let mut data = format!(r#"{{"lifecycle":"{lifecycle}","resource":"#);
    match random.below(14) {
        0 => data.push_str("null"),
        1..7 => write!(data, "\"{}\"", 10_000 + random.below(1_350)).expect("text"),
        _ => data.push_str("\"112\""),
    }
    if place == 0 {
        let amount = random.below(600) * 100;
        write!(data, ",\"amount_requested\":\"{amount}\"").expect("text");
    }
    let (stream, time) = (173_688 + 3 * stream, time(at));
    format!(
        "{{\"stream\":\"application-{stream}\",\"type\":\"{event_type}\",\"time\":\"{time}\",\
         \"data\":{data}}}}}\n"
    )
}

/// The moment `at` milliseconds behind midnight of 1 October 2011, as Amsterdam's clocks show it.
fn time(at: u64) -> String {
    let (at, offset) = if at < WINTER_MS { (at, 2) } else { (at - 3_600_000, 1) };
    let (seconds, millis) = (at / 1_000, at % 1_000);
    let (mut day, mut month, mut year) = (seconds / 86_400, 10, 2011);
    loop {
        let days = match month {
            2 => 29 - u64::from(year % 4 != 0),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if day < days {
            break;
        }
        day -= days;
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    }
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let fraction = if millis == 0 { String::new() } else { format!(".{millis:03}000") };
    let day = day + 1;
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}+0{offset}:00")
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ bits >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn index(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).expect("64 bits");
        usize::try_from(self.below(length)).expect("below a length")
    }

    fn one_of<'a>(&mut self, choices: &[(&'a str, u64)]) -> &'a str {
        let all = choices.iter().map(|(_, share)| share).sum();
        let mut at = self.below(all);
        for (choice, share) in choices {
            if at < *share {
                return choice;
            }
            at -= share;
        }
        unreachable!("the shares add up")
    }
}

#[test]
fn the_twin_has_the_shape_of_the_real_file() {
    let lines = String::from_utf8(twin(20_000, 1_000)).expect("text");
    let mut lengths = std::collections::BTreeMap::new();
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        *lengths.entry(line["stream"].to_string()).or_insert(0) += 1;
        let fields: Vec<_> = line.as_object().expect("an object").keys().collect();
        assert_eq!(fields.len(), 4, "{line}");
    }
    let mut lengths: Vec<usize> = lengths.into_values().collect();
    lengths.sort_unstable();
    assert_eq!((lengths.len(), lengths.iter().sum()), (1_000, 20_000));
    assert_eq!(lengths[0], 3);
    assert!((6..=12).contains(&lengths[500]), "{}", lengths[500]);
    assert!((100..=175).contains(&lengths[999]), "{}", lengths[999]);
    assert_eq!(time(WINTER_MS - 1), "2011-10-30T02:59:59.999000+02:00");
    assert_eq!(time(WINTER_MS), "2011-10-30T02:00:00+01:00");
    assert_eq!(time(152 * 24 * 3_600_000 + 3_600_000), "2012-03-01T00:00:00+01:00");
}
