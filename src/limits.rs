//! Every bound of the log, the store and calls to participants, with its unit in the name and the
//! relations between them asserted.
//!
//! Constants of the format stand here; what an operator may choose stands in [`crate::options`].

/// The alignment of groups and the unit that the log expects a disk to write or not to write.
pub const BLOCK_BYTES: u64 = 512;
/// [`BLOCK_BYTES`] as a length in memory.
pub const BLOCK_LEN: usize = 512;

/// The largest group, header and payload, that any version of the format may contain: 8 MiB.
/// A length read from disk is checked against it before it is used.
pub const GROUP_BYTES_MAX: u64 = 8 << 20;

/// The smallest bound that a store may have for its groups: 1 KiB.
pub const GROUP_BYTES_MIN: u64 = 1 << 10;

/// The smallest segment: 16 KiB.
pub const SEGMENT_BYTES_MIN: u64 = 16 << 10;

/// The largest segment: 4 GiB.
pub const SEGMENT_BYTES_MAX: u64 = 4 << 30;

/// How many bytes of log may lie between two checkpoints: 4 MiB.
pub const CHECKPOINT_LOG_BYTES: u64 = 4 << 20;

const _: () = assert!(BLOCK_LEN as u64 == BLOCK_BYTES);
const _: () = assert!(GROUP_BYTES_MAX.is_multiple_of(BLOCK_BYTES));
const _: () = assert!(SEGMENT_BYTES_MIN.is_multiple_of(BLOCK_BYTES));
const _: () = assert!(SEGMENT_BYTES_MAX.is_multiple_of(BLOCK_BYTES));
const _: () = assert!(GROUP_BYTES_MAX < SEGMENT_BYTES_MAX);

/// How many positions one commit may take: 4096.
pub const COMMIT_POSITIONS_MAX: u32 = 4096;

/// The highest position, sequence, epoch, segment, generation or offset that is believed when read.
/// No log counts so far: what claims to was made up, and one more must not overflow.
pub const COUNTER_MAX: u64 = 1 << 62;

/// Bytes in front of the body of each commit in a group.
pub const FRAME_BYTES: u64 = 16;

// The positions of one group are counted in 32 bits.
const _: () =
    assert!(GROUP_BYTES_MAX / FRAME_BYTES * (COMMIT_POSITIONS_MAX as u64) <= u32::MAX as u64);

/// The last moment that a store believes of a clock: the end of the year 2199. A clock that shows a
/// later one is out of order and counts as none, so that it moves neither the recorded time of
/// events nor the time of sagas.
///
/// In nanoseconds since 1970.
pub const CLOCK_NANOS_MAX: u64 = 7_258_118_399_999_999_999;

/// The longest name of a stream, a type, a tag, a key, a consumer or a fence: 255 bytes.
pub const NAME_BYTES_MAX: usize = 255;

/// How many tags an event may carry: 64.
pub const EVENT_TAGS_MAX: usize = 64;

/// The largest metadata of an event: 64 KiB.
pub const METADATA_BYTES_MAX: usize = 64 << 10;

/// The longest trace context of an event: 255 bytes.
pub const TRACE_BYTES_MAX: usize = 255;

/// The longest key of a call to a participant: 200 bytes, so that names can be made of it.
pub const EFFECT_KEY_BYTES_MAX: usize = 200;

/// The largest payload of a call to a participant, and of its answer: 1 MiB.
pub const CALL_PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// The longest reason in an answer to a call: 1024 bytes. What is longer is cut.
pub const CALL_REASON_BYTES_MAX: usize = 1024;

const _: () = assert!(EFFECT_KEY_BYTES_MAX < NAME_BYTES_MAX);

/// How many events one append may hold: as many as a commit has positions, 4096.
pub const APPEND_EVENTS_MAX: usize = 4096;

/// How many guards one append may carry: 1024.
pub const APPEND_GUARDS_MAX: usize = 1024;

/// How many items a query may have: 64.
pub const QUERY_ITEMS_MAX: usize = 64;

/// How many types, and how many tags, an item of a query may name: 64 each.
pub const QUERY_ITEM_NAMES_MAX: usize = 64;

/// How many categories a stream prefix may span: 1024.
pub const PREFIX_CATEGORIES_MAX: usize = 1024;

/// For how many positions a command key is kept at least, unless the options say otherwise:
/// 100 million.
pub const KEY_HORIZON_EVENTS: u64 = 100_000_000;

/// The longest name of a saga: 120 bytes.
pub const SAGA_ID_BYTES_MAX: usize = 120;

/// The longest name of a definition or a step: 64 bytes.
pub const PART_BYTES_MAX: usize = 64;

/// The largest input of a saga, and the largest output of a step, as the journal has it: 1 MiB.
pub const OUTPUT_BYTES_MAX: usize = 1 << 20;

// The key of an effect is the saga, a round of up to ten digits and the step, with a slash between
// them.
const _: () = assert!(SAGA_ID_BYTES_MAX + 1 + 10 + 1 + PART_BYTES_MAX <= EFFECT_KEY_BYTES_MAX);

const _: () = assert!(APPEND_EVENTS_MAX == COMMIT_POSITIONS_MAX as usize);
