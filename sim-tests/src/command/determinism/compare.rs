//! Comparing what two builds say of the same seeds.
//!
//! It runs nothing. The invariant it guards: a seed that only one of them names is a difference,
//! and so is an event that only one of them has.

use std::fmt;

/// Events that are shown before the first one that differs.
const EVENTS_BEFORE: usize = 5;

/// Two lists of `SEED HASH` lines: how many seeds are the same, or the first that is not.
pub(super) fn hashes(ours: &str, theirs: &str) -> Result<usize, String> {
    let (mut ours, mut theirs) = (ours.lines(), theirs.lines());
    let mut same = 0;
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return Ok(same),
            (Some(our), Some(their)) if our == their => same += 1,
            (our, their) => {
                let line = our.or(their).unwrap_or_default();
                return Err(line.split(' ').next().unwrap_or_default().to_owned());
            }
        }
    }
}

/// Where two histories part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parting {
    /// How many events are the same.
    same: usize,
    /// The last of them.
    before: Vec<String>,
    ours: Option<String>,
    theirs: Option<String>,
}

/// Where the events of two builds part, if they do.
pub(super) fn events(ours: &str, theirs: &str) -> Option<Parting> {
    let (ours, theirs): (Vec<&str>, Vec<&str>) = (ours.lines().collect(), theirs.lines().collect());
    let both = ours.iter().zip(&theirs);
    let same = both.take_while(|(our, their)| our == their).count();
    let event = |events: &[&str]| events.get(same).map(|event| (*event).to_owned());
    let (our, their) = (event(&ours), event(&theirs));
    if our.is_none() && their.is_none() {
        return None;
    }
    let before = ours[same.saturating_sub(EVENTS_BEFORE)..same].iter();
    let before = before.map(|event| (*event).to_owned()).collect();
    Some(Parting { same, before, ours: our, theirs: their })
}

impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} events are the same, the last of them:", self.same)?;
        for event in &self.before {
            writeln!(f, "    {event}")?;
        }
        let told = |event: &Option<String>| event.clone().unwrap_or_else(|| "(no more)".to_owned());
        writeln!(f, "event {} differs:", self.same + 1)?;
        writeln!(f, "    this build:  {}", told(&self.ours))?;
        write!(f, "    other build: {}", told(&self.theirs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_seed_that_differs_is_named() {
        assert_eq!(hashes("", ""), Ok(0));
        assert_eq!(hashes("1 a\n2 b\n", "1 a\n2 b\n"), Ok(2));
        assert_eq!(hashes("1 a\n2 b\n3 c\n", "1 a\n2 x\n3 y\n"), Err("2".to_owned()));
        assert_eq!(hashes("1 a\n2 b\n", "1 a\n"), Err("2".to_owned()), "one of them ended early");
        assert_eq!(hashes("1 a\n", "1 a\n2 b\n"), Err("2".to_owned()));
    }

    fn listed(numbers: impl IntoIterator<Item = u32>) -> String {
        numbers
            .into_iter()
            .flat_map(|number| ["#".into(), number.to_string(), "\n".into()])
            .collect()
    }

    #[test]
    fn the_first_event_that_differs_is_shown_with_those_before() {
        let parting = events(&listed(1..=9), &listed((1..=7).chain([80, 9])));
        let text = parting.expect("they part").to_string();
        assert_eq!(
            text,
            "7 events are the same, the last of them:\n    #3\n    #4\n    #5\n    #6\n    #7\n\
             event 8 differs:\n    this build:  #8\n    other build: #80"
        );
    }

    #[test]
    fn a_history_that_ends_early_differs_and_one_that_is_the_same_does_not() {
        assert_eq!(events(&listed(1..=3), &listed(1..=3)), None);
        let parting = events(&listed(1..=3), &listed(1..=2)).expect("they part");
        assert_eq!((parting.same, parting.ours, parting.theirs), (2, Some("#3".into()), None));
        let parting = events("", &listed([5])).expect("they part");
        assert_eq!((parting.same, parting.ours, parting.theirs), (0, None, Some("#5".into())));
    }
}
