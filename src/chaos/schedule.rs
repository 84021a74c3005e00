//! The schedule: which fault comes when. A pure function of seed, length and kinds. Called by [`super::run`].

use std::collections::HashMap;
use std::time::Duration;

use fastrand::Rng;

use super::fault::{Fault, Kind, Side};
use super::fleet::PROCESSES;

/// Before the first fault: the fleet is warm and orders are on their way.
const CALM_BEFORE: Duration = Duration::from_secs(8);
/// At the end of the load nothing new is broken.
const CALM_AFTER: Duration = Duration::from_secs(6);
/// Between two faults, in seconds.
const GAP: (f64, f64) = (2.0, 6.5);
/// Between two faults that stop everything, so that something can make progress in between; restarts take some seconds themselves.
const BREATH: Duration = Duration::from_secs(14);
/// A process that was hit is left alone for so long after its healing.
const MERCY: Duration = Duration::from_secs(4);

/// Every kind comes once (or as often as its weight says) before any comes again; those that stop everything come when they may.
pub fn plan(seed: u64, length: Duration, kinds: &[Kind]) -> Vec<Fault> {
    let mut random = Rng::with_seed(seed);
    let mut faults: Vec<Fault> = Vec::new();
    let (mut bag, mut targets) = (Vec::new(), Vec::new());
    let mut calm_from = Duration::ZERO;
    let mut busy_until: HashMap<&'static str, Duration> = HashMap::new();
    let mut running: HashMap<Kind, Duration> = HashMap::new();
    let mut at = CALM_BEFORE;
    while at + CALM_AFTER < length && !kinds.is_empty() {
        if bag.is_empty() {
            bag = round(&mut random, kinds.iter().copied());
        } else if at < calm_from && bag.iter().all(|kind| kind.stops_everything()) {
            // While these wait for their turn, the others come once more.
            bag.extend(round(&mut random, kinds.iter().copied().filter(|kind| !kind.stops_everything())));
        }
        let may_come = |kind: &Kind| {
            let waits = kind.stops_everything() && at < calm_from;
            !waits && running.get(kind).is_none_or(|until| kind.has_target() || *until <= at)
        };
        if let Some(place) = bag.iter().position(may_come) {
            let kind = bag.remove(place);
            let target = match kind.has_target() {
                true => Some(aim(&mut random, &mut targets, &busy_until, at)),
                false => None,
            };
            let fault = draw(&mut random, faults.len() + 1, at, kind, target);
            let healed = fault.at + fault.lasts;
            running.insert(kind, healed);
            if kind.stops_everything() {
                calm_from = healed + BREATH;
            }
            if let Some(target) = target {
                busy_until.insert(target, healed + MERCY);
            }
            faults.push(fault);
        }
        at += Duration::from_secs_f64(GAP.0 + (GAP.1 - GAP.0) * random.f64());
    }
    faults
}

/// Each kind as often as its weight says, in any order.
fn round(random: &mut Rng, kinds: impl Iterator<Item = Kind>) -> Vec<Kind> {
    let mut round: Vec<Kind> = kinds.flat_map(|kind| std::iter::repeat_n(kind, kind.weight())).collect();
    random.shuffle(&mut round);
    round
}

/// Each process in its turn, those in trouble later.
fn aim(
    random: &mut Rng,
    targets: &mut Vec<&'static str>,
    busy_until: &HashMap<&'static str, Duration>,
    at: Duration,
) -> &'static str {
    if targets.is_empty() {
        targets.extend(PROCESSES.iter().map(|process| process.name));
        random.shuffle(targets);
    }
    let free = targets.iter().position(|target| busy_until.get(target).is_none_or(|until| *until <= at));
    targets.remove(free.unwrap_or(0))
}

fn draw(random: &mut Rng, number: usize, at: Duration, kind: Kind, target: Option<&'static str>) -> Fault {
    let (least, most) = kind.seconds();
    let lasts = Duration::from_secs_f64(least + (most - least) * random.f64());
    let side = match random.u8(..3) {
        0 => Side::Broker,
        1 => Side::Database,
        _ => Side::Both,
    };
    let measure = random.u64(kind.measure());
    Fault { number, at, lasts, kind, target, side, measure }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    /// All that come without being asked for.
    fn short() -> Vec<Kind> {
        Kind::value_variants().iter().copied().filter(|kind| !kind.is_outage()).collect()
    }

    #[test]
    fn an_outage_that_is_asked_for_comes_once_in_a_short_run_and_heals_under_load() {
        for kind in [Kind::BrokerAway, Kind::DatabaseAway] {
            let faults = plan(1, HOUR / 40, &[kind]);
            assert_eq!(faults.first().map(|fault| fault.kind), Some(kind));
            assert!(faults[0].at + faults[0].lasts < HOUR / 40);
        }
    }

    #[test]
    fn the_same_seed_plans_the_same_and_another_seed_another() {
        assert_eq!(plan(1, HOUR, Kind::value_variants()), plan(1, HOUR, Kind::value_variants()));
        assert_ne!(plan(1, HOUR, Kind::value_variants()), plan(2, HOUR, Kind::value_variants()));
    }

    #[test]
    fn thirty_minutes_hold_two_hundred_faults_of_every_kind_and_two_minutes_hold_twenty() {
        for seed in 0..50 {
            let faults = plan(seed, HOUR / 2, &short());
            assert!(faults.len() >= 200, "{} with seed {seed}", faults.len());
            for kind in short() {
                assert!(faults.iter().any(|fault| fault.kind == kind), "{kind:?} with seed {seed}");
            }
            assert!(plan(seed, HOUR / 30, &short()).len() >= 20);
        }
    }

    #[test]
    fn faults_that_stop_everything_leave_time_to_breathe_and_all_heal_in_time() {
        for seed in 0..50 {
            let faults = plan(seed, HOUR, &short());
            let stopping: Vec<&Fault> = faults.iter().filter(|fault| fault.kind.stops_everything()).collect();
            for pair in stopping.windows(2) {
                assert!(pair[0].at + pair[0].lasts + BREATH <= pair[1].at);
            }
            assert!(faults.iter().all(|fault| fault.lasts <= Duration::from_secs(30)));
        }
    }

    #[test]
    fn a_process_is_not_hit_while_it_is_down() {
        let faults = plan(3, HOUR, &[Kind::Kill, Kind::Terminate]);
        for (place, fault) in faults.iter().enumerate() {
            let earlier = faults[..place].iter().filter(|earlier| earlier.target == fault.target);
            assert!(earlier.into_iter().all(|earlier| earlier.at + earlier.lasts <= fault.at));
        }
    }

    #[test]
    fn only_the_kinds_that_were_asked_for_come() {
        assert!(plan(1, HOUR, &[Kind::Cut]).iter().all(|fault| fault.kind == Kind::Cut && fault.target.is_some()));
        assert!(plan(1, HOUR, &[]).is_empty());
    }
}
