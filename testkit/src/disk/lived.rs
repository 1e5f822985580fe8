//! How often each operation has met each kind of file since the incarnation began.
//!
//! It plans nothing and strikes nothing. The invariant it guards: the trigger it gives to the
//! newest operation, planned at the beginning of an equal incarnation, meets that operation again.

use super::{fault::Trigger, operation::Operation};

/// What the names of one kind of file start with: up to the first `-`, or the whole name. Numbers
/// follow the dash, and a shortened run numbers its files differently.
fn kind_of(file: &str) -> &str {
    let dash = file.bytes().position(|byte| byte == b'-');
    dash.map_or(file, |dash| &file[..=dash])
}

/// Operations of one incarnation, counted by kind of file.
#[derive(Clone, Debug, Default)]
pub(super) struct Lived([Vec<(Box<str>, u64)>; Operation::ALL.len()]);

impl Lived {
    pub(super) fn clear(&mut self) {
        for kinds in &mut self.0 {
            kinds.clear();
        }
    }

    pub(super) fn count(&mut self, operation: Operation, file: &str) {
        let kind = kind_of(file);
        let kinds = &mut self.0[operation as usize];
        match kinds.iter_mut().find(|(known, _)| **known == *kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind.into(), 1)),
        }
    }

    /// Names the operation that was counted last, an `operation` on `file`. A prefix matches
    /// longer names as well, so the kinds that start with this one count too.
    pub(super) fn trigger(&self, operation: Operation, file: &str) -> Trigger {
        let prefix = kind_of(file);
        let kinds = self.0[operation as usize].iter();
        let nth = kinds.filter(|(kind, _)| kind.starts_with(prefix)).map(|(_, count)| count).sum();
        Trigger::Nth { operation, nth, prefix: prefix.to_owned() }
    }
}
