//! Delta debugging: leaves out of a script whatever the failure does without.
//!
//! It runs nothing; whoever calls it says whether a script still fails. The invariant it guards:
//! what it returns has failed when it was tried last.
//!
//! After Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28
//! (2002), with whole lives and whole kinds of decisions tried first.

use super::{ClientCall, Decision, Life, Sizes, What};
use std::{collections::BTreeSet, mem};

/// Shrinks `decisions`. `fails` says whether a script shows the failure, `simpler` which calls may
/// stand in for one, simplest first.
pub fn shrink<C: Clone>(
    decisions: &[Decision<C>],
    fails: &mut dyn FnMut(&[Decision<C>]) -> bool,
    simpler: &dyn Fn(&C) -> Vec<C>,
) -> Vec<Decision<C>> {
    let mut left = without_kinds(without_lives(decisions, fails), fails);
    loop {
        let before = left.len();
        left = reduce(without_lives(&left, fails), fails);
        simplify(&mut left, fails, simpler);
        if left.len() == before {
            return left;
        }
    }
}

/// Tries to do without lives, with everything in them.
fn without_lives<C: Clone>(
    decisions: &[Decision<C>],
    fails: &mut dyn FnMut(&[Decision<C>]) -> bool,
) -> Vec<Decision<C>> {
    let lives: BTreeSet<u32> = decisions.iter().map(|decision| decision.life).collect();
    let with = |lives: &[u32]| -> Vec<Decision<C>> {
        let lived = |decision: &&Decision<C>| lives.binary_search(&decision.life).is_ok();
        decisions.iter().filter(lived).cloned().collect()
    };
    let left = reduce(lives.into_iter().collect(), &mut |lives| fails(&with(lives)));
    with(&left)
}

/// Tries to do without all decisions of a kind.
fn without_kinds<C: Clone>(
    mut decisions: Vec<Decision<C>>,
    fails: &mut dyn FnMut(&[Decision<C>]) -> bool,
) -> Vec<Decision<C>> {
    let kinds: [fn(&What<C>) -> bool; 6] = [
        |what| matches!(what, What::Order { .. }),
        |what| matches!(what, What::Keeps { .. }),
        |what| matches!(what, What::Fault(_)),
        |what| matches!(what, What::Harm(_)),
        |what| matches!(what, What::Delivery { .. }),
        |what| matches!(what, What::Halt(_)),
    ];
    for kind in kinds {
        let without: Vec<_> =
            decisions.iter().filter(|decision| !kind(&decision.what)).cloned().collect();
        if without.len() < decisions.len() && fails(&without) {
            decisions = without;
        }
    }
    decisions
}

/// Leaves out pieces, halving their size down to single items, until none can be left out.
fn reduce<T: Clone>(mut items: Vec<T>, fails: &mut dyn FnMut(&[T]) -> bool) -> Vec<T> {
    let mut piece = items.len().div_ceil(2).max(1);
    loop {
        let before = items.len();
        let mut at = 0;
        while at < items.len() {
            let end = (at + piece).min(items.len());
            let without = [&items[..at], &items[end..]].concat();
            if fails(&without) {
                items = without;
            } else {
                at = end;
            }
        }
        if piece == 1 && items.len() == before {
            return items;
        }
        piece = (piece / 2).max(1);
    }
}

/// Tries simpler calls and simpler lives in place of what is left.
fn simplify<C: Clone>(
    decisions: &mut [Decision<C>],
    fails: &mut dyn FnMut(&[Decision<C>]) -> bool,
    simpler: &dyn Fn(&C) -> Vec<C>,
) {
    for at in 0..decisions.len() {
        let mut tried = false;
        while !mem::replace(&mut tried, true) {
            for what in simpler_of(&decisions[at].what, simpler) {
                let former = mem::replace(&mut decisions[at].what, what);
                if fails(decisions) {
                    tried = false;
                    break;
                }
                decisions[at].what = former;
            }
        }
    }
}

fn simpler_of<C: Clone>(what: &What<C>, simpler: &dyn Fn(&C) -> Vec<C>) -> Vec<What<C>> {
    match what {
        What::Client(ClientCall { number, call }) => {
            let again = |call| What::Client(ClientCall { number: *number, call });
            simpler(call).into_iter().map(again).collect()
        }
        What::Lives(life) => simpler_lives(life).into_iter().map(What::Lives).collect(),
        What::Halt(_)
        | What::Fault(_)
        | What::Order { .. }
        | What::Keeps { .. }
        | What::Harm(_)
        | What::Delivery { .. } => Vec::new(),
    }
}

/// A healed life is closed, which shows that it can be.
fn simpler_lives(life: &Life) -> Vec<Life> {
    let simpler = [
        Life { healed: life.healed, closes: life.healed, clients: life.clients, ..Life::default() },
        Life { clients: life.clients / 2, ..life.clone() },
        Life { clients: life.clients.saturating_sub(1), ..life.clone() },
        Life { clock_jumps_s: 0, clock_drifts_ppm: 0, ..life.clone() },
        Life { asks_each: 0, ..life.clone() },
        Life { power_fails: false, ..life.clone() },
        Life { opens_for_polls: None, ..life.clone() },
        Life { closes_for_polls: None, ..life.clone() },
        Life { reopens: 0, ..life.clone() },
        Life { sizes: Sizes::default(), ..life.clone() },
        Life { closes: life.healed, ..life.clone() },
    ];
    simpler.into_iter().filter(|simpler| simpler != life).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sagalog_testkit::Halt;

    fn call(life: u32, number: u32) -> Decision<u64> {
        Decision { life, what: What::Client(ClientCall { number: 0, call: number.into() }) }
    }

    fn lives(life: u32) -> Decision<u64> {
        let facts = Life { closes: true, power_fails: true, ..Life::default() };
        Decision { life, what: What::Lives(facts) }
    }

    fn calls(decisions: &[Decision<u64>]) -> Vec<u64> {
        let call = |decision: &Decision<u64>| match &decision.what {
            What::Client(client) => Some(client.call),
            _ => None,
        };
        decisions.iter().filter_map(call).collect()
    }

    #[test]
    fn what_the_failure_needs_is_left_and_nothing_else() {
        let mut decisions = Vec::new();
        for life in 1..=20 {
            decisions.push(lives(life));
            decisions.extend((0..30).map(|number| call(life, life * 100 + number)));
            decisions.push(Decision { life, what: What::Halt(Halt::before_op(9)) });
            decisions.extend((1..9).map(|turn| {
                let what = What::Order { turn, task: 1 };
                Decision { life, what }
            }));
        }
        let needed = [417, 1203];
        let mut tries = 0;
        let mut fails = |tried: &[Decision<u64>]| {
            tries += 1;
            let alive = |life| {
                tried.iter().any(|decision| *decision == lives(life))
                    || tried.iter().any(|d| d.life == life && matches!(d.what, What::Lives(_)))
            };
            let made = calls(tried);
            alive(4) && alive(12) && needed.iter().all(|call| made.contains(call))
        };
        let left = shrink(&decisions, &mut fails, &|_| Vec::new());
        assert_eq!(calls(&left), needed);
        assert_eq!(left.len(), 4, "two lives and two calls: {left:?}");
        assert!(left.iter().all(|decision| match &decision.what {
            What::Lives(facts) => *facts == Life::default(),
            _ => true,
        }));
        assert!(tries < 200, "{tries} tries");
    }

    #[test]
    fn a_call_becomes_the_simplest_one_that_still_fails() {
        let mut fails = |tried: &[Decision<u64>]| calls(tried).iter().any(|call| *call >= 10);
        let half = |call: &u64| if *call > 0 { vec![0, call / 2, call - 1] } else { Vec::new() };
        let left = shrink(&[call(1, 3), call(1, 900)], &mut fails, &half);
        assert_eq!(calls(&left), [10]);
    }
}
