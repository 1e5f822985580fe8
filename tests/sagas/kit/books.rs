//! Participants' books in memory: who did what under which key, and what must not be done any more.

use sagalog::{definition::StepCx, names::EffectKey};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What stands on the books of one participant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) effects: BTreeMap<String, u64>,
    pub(crate) tombstones: BTreeSet<String>,
}

/// The books of all participants, by name. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books(Arc<Mutex<BTreeMap<&'static str, Page>>>);

impl Books {
    fn pages(&self) -> MutexGuard<'_, BTreeMap<&'static str, Page>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of it, to be compared.
    pub(crate) fn all(&self) -> BTreeMap<&'static str, Page> {
        self.pages().clone()
    }

    /// How many effects stand with a participant.
    pub(crate) fn count(&self, who: &'static str) -> usize {
        self.pages().get(who).map_or(0, |page| page.effects.len())
    }

    /// Has the effect, once for each key; false if it was answered before.
    pub(crate) fn act(&self, who: &'static str, key: &EffectKey, amount: u64) -> bool {
        self.act_as(who, key.to_string(), amount)
    }

    /// The same under a key that somebody made up.
    pub(crate) fn act_as(&self, who: &'static str, key: String, amount: u64) -> bool {
        let mut pages = self.pages();
        let page = pages.entry(who).or_default();
        let alive = !page.tombstones.contains(&key);
        if alive {
            page.effects.insert(key, amount);
        }
        alive
    }

    /// Answers the effect of a key, now and for ever.
    pub(crate) fn answer(&self, who: &'static str, cx: &StepCx) {
        let mut pages = self.pages();
        let page = pages.entry(who).or_default();
        page.effects.remove(cx.key().as_str());
        page.tombstones.insert(cx.key().to_string());
    }

    /// Takes the effect of a key away and remembers nothing.
    pub(crate) fn forget(&self, who: &'static str, key: &str) {
        self.pages().entry(who).or_default().effects.remove(key);
    }
}
