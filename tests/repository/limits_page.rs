//! The numbers of `docs/LIMITS.md` are those of the code.
//!
//! It compares numbers and names; that a limit is kept is the matter of the tests beside it. The
//! invariant: every constant of `sagalog::limits` stands on the page, and every row of the page
//! that names a limit is compared with something.

use sagalog::{
    Options, SagaOptions, limits,
    log::superblock::Chosen,
    saga::{Retry, plan, vocabulary},
};
use std::{collections::BTreeMap, fmt::Debug};

const PAGE: &str = include_str!("../../docs/LIMITS.md");
const LIMITS: &str = include_str!("../../src/limits.rs");

/// Constants of `sagalog::limits` beside what they come to.
macro_rules! constants {
    ($($name:ident)+) => {
        [$((stringify!($name), Limit::number(limits::$name))),+]
    };
}

/// A limit of any type of number.
trait Limit {
    fn number(self) -> u64;
}

impl Limit for u64 {
    fn number(self) -> Self {
        self
    }
}

impl Limit for u32 {
    fn number(self) -> u64 {
        self.into()
    }
}

impl Limit for usize {
    fn number(self) -> u64 {
        self.try_into().expect("a limit fits 64 bits")
    }
}

#[test]
fn every_row_says_what_the_code_says() {
    let rows = rows();
    let known = known();
    for (name, value) in &rows {
        let number = known.get(name).unwrap_or_else(|| panic!("nothing is known of `{name}`"));
        assert_eq!(parse(value), Some(*number), "`{name}` is {number}, the page says {value}");
    }
    for name in known.keys() {
        assert!(rows.iter().any(|(row, _)| row == name), "`{name}` is not on the page");
    }
}

#[test]
fn no_constant_is_forgotten() {
    let declared = LIMITS.lines().filter_map(|line| line.strip_prefix("pub const "));
    for name in declared.filter_map(|line| line.split(':').next()) {
        // The same as BLOCK_BYTES, as a length in memory.
        if name != "BLOCK_LEN" {
            assert!(known().contains_key(name), "`{name}` is not compared with the page");
        }
    }
}

#[test]
fn a_wrong_number_is_noticed() {
    assert_eq!(parse("64 KiB"), Some(65_536));
    assert_eq!(parse("30 s"), Some(30_000));
    assert_eq!(parse("5 attempts"), Some(5));
    assert_eq!(parse("64 kB"), None);
    assert_eq!(parse("many"), None);
}

/// The rows whose first cell is one name in backticks: the name, and the second cell.
fn rows() -> Vec<(String, String)> {
    let cells = PAGE.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = cells.filter_map(|row| {
        let (name, rest) = row.split_once("` | ")?;
        let (value, _) = rest.split_once(" |")?;
        Some((name.to_owned(), value.to_owned()))
    });
    rows.collect()
}

/// A number with a unit; lengths of time in milliseconds.
fn parse(value: &str) -> Option<u64> {
    let (number, unit) = value.split_once(' ').unwrap_or((value, ""));
    let factor = match unit {
        "" | "bytes" | "attempts" | "ms" => 1,
        "s" => 1000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    Some(number.parse::<u64>().ok()? * factor)
}

/// What the code says of each name on the page.
fn known() -> BTreeMap<String, u64> {
    let mut known = BTreeMap::new();
    for (name, number) in constants() {
        known.insert(name.to_owned(), number);
    }
    let timeout = plan::TIMEOUT.as_millis();
    known.insert("saga::plan::TIMEOUT".to_owned(), timeout.try_into().expect("some seconds"));
    let attempts = |retry: Retry| retry.attempts_max().expect("there is a bound").into();
    known.insert("Retry::default".to_owned(), attempts(Retry::default()));
    known.insert("Retry::for_compensation".to_owned(), attempts(Retry::for_compensation()));
    // What an opening does not choose is the store's, and of a new store this.
    let chosen = fields(&Chosen::default());
    for (of, shown) in [
        ("Options", fields(&Options::default())),
        ("Options", chosen),
        ("SagaOptions", fields(&SagaOptions::default())),
    ] {
        known.extend(shown.into_iter().map(|(field, value)| (format!("{of}::{field}"), value)));
    }
    known
}

fn constants() -> Vec<(&'static str, u64)> {
    let limits = constants! {
        BLOCK_BYTES GROUP_BYTES_MAX GROUP_BYTES_MIN SEGMENT_BYTES_MIN SEGMENT_BYTES_MAX
        CHECKPOINT_LOG_BYTES COMMIT_POSITIONS_MAX COUNTER_MAX FRAME_BYTES NAME_BYTES_MAX
        EVENT_TAGS_MAX METADATA_BYTES_MAX TRACE_BYTES_MAX EFFECT_KEY_BYTES_MAX
        CALL_PAYLOAD_BYTES_MAX CALL_REASON_BYTES_MAX APPEND_EVENTS_MAX APPEND_GUARDS_MAX
        QUERY_ITEMS_MAX QUERY_ITEM_NAMES_MAX PREFIX_CATEGORIES_MAX KEY_HORIZON_EVENTS
        SAGA_ID_BYTES_MAX PART_BYTES_MAX OUTPUT_BYTES_MAX CLOCK_NANOS_MAX
    };
    let further = [
        ("saga::plan::STEPS_MAX", plan::STEPS_MAX.number()),
        ("saga::vocabulary::FAILURE_BYTES_MAX", vocabulary::FAILURE_BYTES_MAX.number()),
    ];
    limits.into_iter().chain(further).collect()
}

/// The fields of options that are numbers or lengths of time. They are private, so they are read
/// from what `Debug` shows; a field that is added has to be put on the page.
fn fields(options: &impl Debug) -> Vec<(String, u64)> {
    let shown = format!("{options:?}");
    let (_, inside) = shown.split_once(" { ").expect("a struct with fields");
    let fields = inside.trim_end_matches(" }").split(", ").filter_map(|field| {
        let (name, value) = field.split_once(": ")?;
        let value = value.trim_start_matches("Some(").trim_end_matches(')');
        let seconds = |value: &str| value.strip_suffix('s')?.parse().ok().map(|s: u64| s * 1000);
        let number = value.trim_end_matches("ms").parse().ok().or_else(|| seconds(value))?;
        Some((name.to_owned(), number))
    });
    fields.collect()
}
