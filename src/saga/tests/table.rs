//! The transition table of the code and the one that people read are the same.

use crate::saga::table::{PhaseKind, ProgressKind, StepRecord, follow};
use std::collections::BTreeMap;

const GUIDE: &str = include_str!("../../../docs/SAGAS.md");

type Table = BTreeMap<(PhaseKind, StepRecord, ProgressKind), ProgressKind>;

fn named<T: Copy + std::fmt::Debug>(all: &[T], cell: &str) -> Vec<T> {
    let find = |name: &str| {
        let name = name.trim().trim_matches('`');
        let found = all.iter().find(|kind| format!("{kind:?}") == name);
        *found.unwrap_or_else(|| panic!("the guide's table names {name}, which there is not"))
    };
    cell.split(',').map(find).collect()
}

fn written() -> Table {
    let lines = GUIDE.lines().skip_while(|line| !line.starts_with("| while | record |")).skip(2);
    let mut table = Table::new();
    for line in lines.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
        let [phase, records, before, after] = cells[..] else { panic!("four cells: {line}") };
        let after = named(&ProgressKind::ALL, after)[0];
        for phase in named(&PhaseKind::ALL, phase) {
            for record in named(&StepRecord::ALL, records) {
                for before in named(&ProgressKind::ALL, before) {
                    let twice = table.insert((phase, record, before), after);
                    assert_eq!(twice, None, "{phase:?} {record:?} {before:?} stands twice");
                }
            }
        }
    }
    table
}

#[test]
fn the_guide_has_the_same_table() {
    let mut coded = Table::new();
    for phase in PhaseKind::ALL {
        for record in StepRecord::ALL {
            for before in ProgressKind::ALL {
                if let Some(after) = follow(phase, record, before) {
                    coded.insert((phase, record, before), after);
                }
            }
        }
    }
    let written = written();
    for (from, after) in &coded {
        assert_eq!(written.get(from), Some(after), "{from:?}");
    }
    assert_eq!(written.len(), coded.len(), "the guide has rows that the code has not");
}
