//! What a campaign has done so far, and what is under way: the file that it resumes from.
//!
//! It runs nothing. The invariant it guards: every seed is counted once, whenever the campaign
//! stops. What is under way when the file is written is handed out again to whoever resumes.

use crate::{
    marks::{ENOUGH_SEEDS, Mark, Need},
    report::SuiteName,
};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

/// The version of the file.
const VERSION: u64 = 1;
/// Failures that are kept whole; the rest is counted.
const FAILURES_KEPT: usize = 100;

/// Some seeds in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) first: u64,
    pub(super) seeds: u64,
}

/// A seed, or seeds, that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) batch: Batch,
    pub(super) what: String,
}

/// What seeds came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sum {
    pub(super) seeds: u64,
    pub(super) failed: u64,
    pub(super) failures: Vec<Failure>,
    /// How many seeds reached each mark.
    pub(super) marks: BTreeMap<Mark, u64>,
    pub(super) simulated_s: f64,
    pub(super) cpu_s: f64,
}

impl Sum {
    pub(super) fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.failed += other.failed;
        let room = FAILURES_KEPT.saturating_sub(self.failures.len());
        self.failures.extend(other.failures.into_iter().take(room));
        for (mark, seeds) in other.marks {
            *self.marks.entry(mark).or_default() += seeds;
        }
        self.simulated_s += other.simulated_s;
        self.cpu_s += other.cpu_s;
    }

    /// Marks that this suite needs so much and that no seed reached.
    pub(super) fn unreached(&self, suite: SuiteName, need: Need) -> Vec<Mark> {
        let wanted = Mark::ALL.into_iter().filter(|mark| mark.need(suite) == need);
        wanted.filter(|mark| !self.marks.contains_key(mark)).collect()
    }

    /// Whether so many seeds ran, and a required mark was not among what they reached.
    pub(super) fn is_blind(&self, suite: SuiteName) -> bool {
        self.seeds >= ENOUGH_SEEDS && !self.unreached(suite, Need::Required).is_empty()
    }
}

/// One suite's part of a campaign.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) sum: Sum,
    /// The first seed that was not handed out yet.
    next: u64,
    /// What was handed out and is not done.
    underway: Vec<Batch>,
    /// What was given back undone.
    given_back: Vec<Batch>,
}

impl Default for Part {
    fn default() -> Self {
        Self { sum: Sum::default(), next: 1, underway: Vec::new(), given_back: Vec::new() }
    }
}

impl Part {
    /// Hands out a batch: what was given back before what is new.
    pub(super) fn hand_out(&mut self, seeds: u64) -> Batch {
        let batch = self.given_back.pop().unwrap_or(Batch { first: self.next, seeds });
        self.next = self.next.max(batch.first + batch.seeds);
        self.underway.push(batch);
        batch
    }

    /// Takes back what became of a batch: the seeds that ran, and those that did not.
    pub(super) fn take_back(&mut self, batch: Batch, sum: Sum, rest: Option<Batch>) {
        self.underway.retain(|underway| *underway != batch);
        self.given_back.extend(rest);
        self.sum.add(sum);
    }

    /// How many batches are under way.
    pub(super) fn underway(&self) -> usize {
        self.underway.len()
    }
}

/// A campaign.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    disk: Part,
    store: Part,
    saga: Part,
    orders: Part,
}

impl State {
    pub(super) fn part(&self, suite: SuiteName) -> &Part {
        match suite {
            SuiteName::Disk => &self.disk,
            SuiteName::Store => &self.store,
            SuiteName::Saga => &self.saga,
            SuiteName::Orders => &self.orders,
        }
    }

    pub(super) fn part_mut(&mut self, suite: SuiteName) -> &mut Part {
        match suite {
            SuiteName::Disk => &mut self.disk,
            SuiteName::Store => &mut self.store,
            SuiteName::Saga => &mut self.saga,
            SuiteName::Orders => &mut self.orders,
        }
    }

    /// Writes the file: it is the old one or the new one, whenever this is cut short.
    #[expect(clippy::disallowed_methods, reason = "a campaign's own file, no store's")]
    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        let draft = path.with_extension("draft");
        let mut file = File::create(&draft)?;
        writeln!(file, "{:#}", self.to_json())?;
        file.sync_all()?;
        fs::rename(draft, path)
    }

    /// Reads the file. What was under way is to be handed out again. Without a file nothing was
    /// done yet.
    #[expect(clippy::disallowed_methods, reason = "a campaign's own file, no store's")]
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
        };
        Self::parse(&text).map_err(|reason| {
            format!(
                "{} is no campaign to go on with: {reason}; --fresh begins a new one",
                path.display()
            )
        })
    }

    fn to_json(&self) -> Value {
        let mut json = json!({ "version": VERSION });
        for suite in SuiteName::ALL {
            json[suite.name()] = part_to_json(self.part(suite));
        }
        json
    }

    fn parse(text: &str) -> Result<Self, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let version = number(&json, "version")?;
        if version != VERSION {
            return Err(format!("it has version {version}, this program writes {VERSION}"));
        }
        let mut state = Self::default();
        for suite in SuiteName::ALL {
            let part = parse_part(&json[suite.name()]);
            *state.part_mut(suite) = part.map_err(|reason| format!("suite {suite}: {reason}"))?;
        }
        Ok(state)
    }
}

fn part_to_json(part: &Part) -> Value {
    let Part { sum, next, underway, given_back } = part;
    let marks: Map<String, Value> =
        sum.marks.iter().map(|(mark, seeds)| (mark.name().into(), (*seeds).into())).collect();
    let batch = |batch: &Batch| json!({ "first": batch.first, "seeds": batch.seeds });
    let failure = |failure: &Failure| {
        let Batch { first, seeds } = failure.batch;
        json!({ "first": first, "seeds": seeds, "what": failure.what })
    };
    json!({
        "next": next,
        "undone": underway.iter().chain(given_back).map(batch).collect::<Vec<_>>(),
        "seeds": sum.seeds,
        "failed": sum.failed,
        "failures": sum.failures.iter().map(failure).collect::<Vec<_>>(),
        "marks": marks,
        "simulated_s": sum.simulated_s,
        "cpu_s": sum.cpu_s,
    })
}

fn parse_part(json: &Value) -> Result<Part, String> {
    let failure = |json: &Value| {
        let what = json["what"].as_str().ok_or("a failure says nothing")?.to_owned();
        Ok(Failure { batch: parse_batch(json)?, what })
    };
    let marks = json["marks"].as_object().ok_or("there are no marks")?.iter();
    let mark = |(name, seeds): (&String, &Value)| {
        let mark = Mark::named(name).ok_or_else(|| format!("there is no mark {name}"))?;
        Ok((mark, seeds.as_u64().ok_or_else(|| format!("mark {name} has no count"))?))
    };
    let float = |name: &str| json[name].as_f64().ok_or_else(|| format!("{name} is no number"));
    Ok(Part {
        sum: Sum {
            seeds: number(json, "seeds")?,
            failed: number(json, "failed")?,
            failures: list(json, "failures")?.map(failure).collect::<Result<_, String>>()?,
            marks: marks.map(mark).collect::<Result<_, String>>()?,
            simulated_s: float("simulated_s")?,
            cpu_s: float("cpu_s")?,
        },
        next: number(json, "next")?,
        underway: Vec::new(),
        given_back: list(json, "undone")?.map(parse_batch).collect::<Result<_, String>>()?,
    })
}

fn parse_batch(json: &Value) -> Result<Batch, String> {
    Ok(Batch { first: number(json, "first")?, seeds: number(json, "seeds")? })
}

fn number(json: &Value, name: &str) -> Result<u64, String> {
    json[name].as_u64().ok_or_else(|| format!("{name} is no number"))
}

fn list<'a>(json: &'a Value, name: &str) -> Result<impl Iterator<Item = &'a Value>, String> {
    Ok(json[name].as_array().ok_or_else(|| format!("{name} is no list"))?.iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(seeds: u64, failed: u64) -> Sum {
        let batch = Batch { first: 7, seeds: 1 };
        let failure = Failure { batch, what: "G1 broken: \"quoted\"".to_owned() };
        let failures = vec![failure; usize::try_from(failed).expect("few")];
        let marks = BTreeMap::from([(Mark::RowK, seeds)]);
        Sum { seeds, failed, failures, marks, simulated_s: 1.5, cpu_s: 0.25 }
    }

    #[test]
    fn what_was_under_way_is_handed_out_again_and_nothing_is_counted_twice() {
        let mut state = State::default();
        let part = state.part_mut(SuiteName::Disk);
        let (one, two) = (part.hand_out(10), part.hand_out(10));
        assert_eq!((one.first, two.first), (1, 11));
        part.take_back(two, of(10, 1), None);
        assert_eq!(part.underway(), 1);

        // It is stopped here.
        let mut resumed = State::parse(&state.to_json().to_string()).expect("it reads back");
        assert_eq!(resumed.to_json(), state.to_json());
        let part = resumed.part_mut(SuiteName::Disk);
        assert_eq!(part.underway(), 0);
        assert_eq!(part.sum, of(10, 1));
        assert_eq!(part.hand_out(10), one);
        assert_eq!(part.hand_out(10), Batch { first: 21, seeds: 10 });
        part.take_back(one, of(4, 0), Some(Batch { first: 5, seeds: 6 }));
        assert_eq!(part.sum.seeds, 14);
        assert_eq!(part.sum.marks[&Mark::RowK], 14);
        assert_eq!(part.hand_out(10), Batch { first: 5, seeds: 6 });
        assert_eq!(part.hand_out(10), Batch { first: 31, seeds: 10 });
    }

    #[test]
    fn failures_beyond_those_that_are_kept_are_counted() {
        let mut sum = Sum::default();
        sum.add(of(200, 60));
        sum.add(of(200, 60));
        assert_eq!((sum.failed, sum.failures.len()), (120, FAILURES_KEPT));
    }

    #[test]
    fn a_file_that_is_no_campaign_says_why() {
        let sound = State::default().to_json().to_string();
        let cases = [
            ("", "EOF while parsing a value"),
            ("{}", "version is no number"),
            (&sound.replace("\"version\":1", "\"version\":2"), "it has version 2"),
            (&sound.replace("\"next\":1", "\"next\":-1"), "suite disk: next is no number"),
            (&sound.replace("\"marks\":{}", "\"marks\":{\"row-z\":1}"), "there is no mark row-z"),
            (&sound[..sound.len() / 2], "EOF while parsing"),
        ];
        for (text, reason) in cases {
            let error = State::parse(text).expect_err(reason);
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a campaign's own file, no store's")]
    fn a_saved_campaign_is_loaded_and_a_missing_one_is_new() {
        let directory =
            std::env::temp_dir().join(format!("sagalog-campaign-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("there is a place for it");
        let path = directory.join("state.json");
        assert_eq!(State::load(&path), Ok(State::default()));
        let mut state = State::default();
        state.part_mut(SuiteName::Store).take_back(Batch { first: 1, seeds: 3 }, of(3, 0), None);
        state.save(&path).expect("it is written");
        assert_eq!(State::load(&path), Ok(state));
        fs::write(&path, "{").expect("it is damaged");
        let error = State::load(&path).expect_err("it is no campaign");
        assert!(error.ends_with("--fresh begins a new one"), "{error}");
        fs::remove_dir_all(directory).expect("nobody else uses it");
    }
}
