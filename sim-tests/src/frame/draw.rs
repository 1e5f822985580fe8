//! What a seed decides life by life, common to all suites: how a life goes, where it is stopped,
//! and what is harmed after it.
//!
//! It plans, the disk and the host perform. The invariant it guards: where a life is stopped is
//! said in words of the disk's traffic, never of the engine's code, so that any engine that writes
//! these files is stopped there.

use super::{
    Stage, Suite, Surroundings,
    aims::{self, Aim},
    surroundings::one_of,
};
use crate::script::{Life, Sizes};
use sagalog_testkit::{Choices, Halt, Harm, HarmKind, Seeded, disk::SECTOR_BYTES};

/// How often the healed store has to open, work and close.
const HEALED_LIVES: u32 = 3;
/// A life that is stopped within so many operations is likely stopped while it opens.
const OPENING_OPS: u64 = 40;

pub(super) fn next_life<S: Suite>(stage: &Stage<S>) -> Option<(u32, Life)> {
    let number = stage.count_life();
    let plan = stage.world();
    let mut choices = stage.choices(number, 1);
    stage.director().next_life(|| {
        let lives = number <= plan.lives + HEALED_LIVES;
        let clients = S::clients(&stage.plan, &mut choices);
        lives.then(|| {
            let mut life = draw_life(&mut choices, plan, clients, number > plan.lives);
            if number == plan.lives + HEALED_LIVES {
                life.asks_each = 1;
            }
            (number, life)
        })
    })
}

fn draw_life(choices: &mut Seeded, plan: &Surroundings, clients: u32, healed: bool) -> Life {
    let errs = plan.clock_errs && choices.below(2) == 0;
    let cancels = plan.cancels && !healed;
    Life {
        opens_for_polls: draw_polls(choices, cancels, 256),
        closes_for_polls: draw_polls(choices, cancels, 32),
        reopens: if healed { 0 } else { *one_of(choices, &[0, 0, 0, 0, 0, 0, 1, 2]) },
        sizes: if choices.below(4) == 0 { draw_sizes(choices) } else { Sizes::default() },
        healed,
        clients,
        closes: healed || choices.below(3) == 0,
        power_fails: choices.chance(plan.power_failure_chance),
        clock_jumps_s: if errs { *one_of(choices, &[-86_400, -60, -1, 1, 3_600]) } else { 0 },
        clock_drifts_ppm: if errs {
            *one_of(choices, &[-500_000, -100, 0, 100, 500_000])
        } else {
            0
        },
        asks_each: *one_of(choices, &[1, 8, 16, 16, 32, 32]),
    }
}

/// After how many polls somebody gives up, if at all.
fn draw_polls(choices: &mut Seeded, cancels: bool, polls_max: u64) -> Option<u64> {
    if !cancels || choices.below(4) > 0 {
        return None;
    }
    let polls_max = polls_max >> choices.below(6);
    Some(1 + choices.below(polls_max))
}

fn draw_sizes(choices: &mut Seeded) -> Sizes {
    let mut doublings = || u32::try_from(choices.below(3)).unwrap_or(0);
    Sizes { segment: doublings(), queue: doublings(), cache: doublings(), prepared: doublings() }
}

/// Plans what goes wrong in a life.
pub(super) fn prepare<S: Suite>(stage: &Stage<S>, number: u32, facts: &Life) {
    let mut director = stage.director();
    if facts.healed {
        stage.disk.with(|disk| {
            disk.heal();
            disk.set_quota(None);
        });
        return;
    }
    if let Some(faults) = director.planned_faults(number) {
        stage.disk.with(|disk| disk.plan_faults(faults));
    }
    let mut choices = stage.choices(number, 0);
    let ops_max = stage.world().life_ops_max;
    let aims = if number == 1 { &[aims::BIRTH] } else { S::AIMS };
    if let Some(halt) = director.halt(number, || draw_halt(&mut choices, aims, ops_max)) {
        stage.disk.with(|disk| disk.halt_at(halt));
    }
}

fn draw_halt(choices: &mut Seeded, aims: &[&[Aim]], ops_max: u64) -> Option<Halt> {
    Some(match choices.below(16) {
        0 | 1 => return None,
        2 | 3 => Halt::before_op(1 + choices.below(OPENING_OPS)),
        4..=8 => aims::draw(choices, aims),
        _ => Halt::before_op(1 + choices.below(ops_max)),
    })
}

/// Harms files after a life, if the plan does so.
pub(super) fn harm<S: Suite>(stage: &Stage<S>, number: u32, facts: &Life) {
    let Some(prefix) = stage.world().harms else {
        return strike(stage, &stage.director().harms(number, Vec::new));
    };
    let mut choices = stage.choices(number, 4);
    let files: Vec<(String, u64)> = stage.disk.with(|disk| {
        let names = disk.names().into_iter().filter(|name| name.starts_with(prefix));
        let sized = |name: String| {
            let bytes = disk.contents(&name).map_or(0, |bytes| bytes.len() as u64);
            (name, bytes)
        };
        names.map(sized).collect()
    });
    let harms = stage.director().harms(number, || {
        if !facts.healed && choices.below(3) > 0 {
            return Vec::new();
        }
        let all = choices.below(3) == 0;
        files.into_iter().filter_map(|file| draw_harm(&mut choices, file, all)).collect()
    });
    strike(stage, &harms);
}

fn strike<S: Suite>(stage: &Stage<S>, harms: &[Harm]) {
    if !harms.is_empty() {
        stage.harm();
    }
    stage.disk.with(|disk| harms.iter().for_each(|harm| harm.strike(disk)));
}

fn draw_harm(choices: &mut Seeded, (file, bytes): (String, u64), all: bool) -> Option<Harm> {
    let at = choices.below(bytes);
    let kind = match choices.below(8) {
        _ if all => HarmKind::Removed {},
        0 => HarmKind::Removed {},
        1 => HarmKind::Flipped { at, bit: 3 },
        2 => HarmKind::Zeroed { at, bytes: 1 + choices.below(5_000) },
        3 => HarmKind::Resized { bytes: at },
        4 => HarmKind::Repeated { to: at / SECTOR_BYTES, sectors: 8 },
        5 => HarmKind::Resized { bytes: bytes + 4096 },
        _ => return None,
    };
    Some(Harm { file, kind })
}
