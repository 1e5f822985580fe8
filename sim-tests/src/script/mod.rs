//! A run as a list of decisions, each of which can be left out.
//!
//! It decides nothing and runs nothing. The invariant it guards: a script holds everything that a
//! run drew, so that it plays the same without a generator; and any part of a script is a script.
//!
//! The file format is JSON, a line each: first a [`Head`], then [`Decision`]s. A line can be
//! deleted by hand.

mod director;
mod shrink;
mod turns;

pub(crate) use director::Director;
pub use shrink::shrink;
pub use turns::Disorder;
pub(crate) use turns::Turns;

use sagalog::runtime::WallTime;
use sagalog_testkit::disk::{Fate, Unit};
use sagalog_testkit::{Fault, Halt, Harm, net::Journey};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt::Write;

/// The version of the file format.
const FORMAT: u32 = 1;

/// One decision of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "the suites' own vocabulary")]
pub struct Decision<C> {
    /// The life of the process that it belongs to, counted from 1.
    pub life: u32,
    /// What is decided.
    #[serde(flatten)]
    pub what: What<C>,
}

/// What can be decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the suites' own vocabulary")]
pub enum What<C> {
    /// The process lives; without this, nothing else of the life happens.
    Lives(Life),
    /// A client calls. The calls of one client follow each other.
    Client(ClientCall<C>),
    /// The process is stopped here.
    #[serde(with = "as_text")]
    Halt(Halt),
    /// Something goes wrong.
    #[serde(with = "as_text")]
    Fault(Fault),
    /// Where several tasks are ready for the `turn`-th time, another than the first one runs.
    Order {
        /// Counted from 1 over the life.
        turn: u64,
        /// Which of them, counted from 0 in the order in which they became ready.
        task: usize,
    },
    /// What becomes of something unsynced when the power fails at the end of the life; what is not
    /// named is lost.
    Keeps {
        /// What is not simply lost.
        #[serde(with = "as_text")]
        unit: Unit,
        /// What is left of it.
        #[serde(with = "as_text")]
        fate: Fate,
    },
    /// A file is harmed after the life, while nobody runs.
    Harm(Harm),
    /// Something happens to a delivery of a call to another machine.
    Delivery {
        /// Its name: what is called, and which delivery of it in this life.
        of: String,
        /// What becomes of it.
        #[serde(flatten)]
        journey: Journey,
    },
}

/// How the process lives once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "the suites' own vocabulary")]
pub struct Life {
    /// Nothing goes wrong from here on, and everything has to work.
    #[serde(skip_serializing_if = "is_default")]
    pub healed: bool,
    /// How many clients call.
    pub clients: u32,
    /// It is closed in order, if it comes so far.
    #[serde(skip_serializing_if = "is_default")]
    pub closes: bool,
    /// The power fails at its end; otherwise only the process dies.
    #[serde(skip_serializing_if = "is_default")]
    pub power_fails: bool,
    /// By how many seconds the wall clock jumps before it.
    #[serde(skip_serializing_if = "is_default")]
    pub clock_jumps_s: i64,
    /// By how many millionths the wall clock is fast.
    #[serde(skip_serializing_if = "is_default")]
    pub clock_drifts_ppm: i64,
    /// Every how many of the questions after opening one is asked: 1 asks all, 0 none.
    #[serde(skip_serializing_if = "is_default")]
    pub asks_each: u32,
    /// Before it is opened, an opening is given up after so many polls.
    #[serde(skip_serializing_if = "is_default")]
    pub opens_for_polls: Option<u64>,
    /// Who closes it gives up after so many polls.
    #[serde(skip_serializing_if = "is_default")]
    pub closes_for_polls: Option<u64>,
    /// How often it is closed and opened again before its last opening.
    #[serde(skip_serializing_if = "is_default")]
    pub reopens: u32,
    /// With which options it is opened.
    #[serde(skip_serializing_if = "is_default")]
    pub sizes: Sizes,
}

/// How often the sizes of the plan are doubled in a life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "the suites' own vocabulary")]
pub struct Sizes {
    /// The size of new segments.
    #[serde(skip_serializing_if = "is_default")]
    pub segment: u32,
    /// What may wait to be written.
    #[serde(skip_serializing_if = "is_default")]
    pub queue: u32,
    /// What the pages of the index may take.
    #[serde(skip_serializing_if = "is_default")]
    pub cache: u32,
    /// How many segments are prepared ahead.
    #[serde(skip_serializing_if = "is_default")]
    pub prepared: u32,
}

impl Life {
    /// What the wall clock showed when the life before ended, if it shows `now` when this one
    /// begins.
    pub(crate) fn before_its_jump(&self, now: WallTime) -> WallTime {
        let jump = self.clock_jumps_s.saturating_mul(1_000_000_000);
        WallTime::from_unix_nanos(now.as_unix_nanos().saturating_add_signed(-jump))
    }
}

/// A call of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "the suites' own vocabulary")]
pub struct ClientCall<C> {
    /// Which client.
    pub number: u32,
    /// What it does.
    #[serde(flatten)]
    pub call: C,
}

/// The first line of a script: in which world the decisions are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "the suites' own vocabulary")]
pub struct Head<P> {
    /// The version of the format.
    pub format: u32,
    /// The suite.
    pub suite: String,
    /// The seed that it comes from.
    pub seed: u64,
    /// What it showed when it was found.
    pub found: String,
    /// Sizes and what may be excused.
    pub plan: P,
}

/// A recorded run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the suites' own vocabulary")]
pub struct Script<P, C> {
    /// In which world.
    pub head: Head<P>,
    /// What is decided in it.
    pub decisions: Vec<Decision<C>>,
}

impl<P, C> Script<P, C>
where
    P: Serialize + DeserializeOwned,
    C: Serialize + DeserializeOwned,
{
    /// A script of `suite`, as found with `seed`.
    pub fn new(suite: &str, seed: u64, plan: P, decisions: Vec<Decision<C>>) -> Self {
        let (suite, found) = (suite.to_owned(), String::new());
        Self { head: Head { format: FORMAT, suite, seed, found, plan }, decisions }
    }

    /// The script as a file.
    ///
    /// # Panics
    /// If something in it is no JSON, which is a bug.
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string(&self.head).expect("a head is JSON");
        for decision in &self.decisions {
            let line = serde_json::to_string(decision).expect("a decision is JSON");
            write!(text, "\n{line}").expect("a string takes everything");
        }
        text.push('\n');
        text
    }

    /// Reads a script back.
    ///
    /// # Errors
    /// A sentence that names the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let (_, first) = lines.next().ok_or("the script is empty")?;
        let head: Head<P> =
            serde_json::from_str(first).map_err(|error| format!("line 1: {error}"))?;
        if head.format != FORMAT {
            return Err(format!("format {} is not known, only {FORMAT}", head.format));
        }
        let decisions = lines.map(|(at, line)| {
            serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 1))
        });
        Ok(Self { head, decisions: decisions.collect::<Result<_, _>>()? })
    }
}

/// The suite that a script is for.
///
/// # Errors
/// A sentence, if its first line is none of a script.
pub fn suite_of(text: &str) -> Result<String, String> {
    let first = text.lines().next().unwrap_or_default();
    let head: Head<serde::de::IgnoredAny> = serde_json::from_str(first)
        .map_err(|error| format!("the first line is none of a script: {error}"))?;
    Ok(head.suite)
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Values that are one line of text.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::{fmt::Display, str::FromStr};

    pub(super) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
