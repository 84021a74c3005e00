//! What must be reached, as ratios within one run. Computed by [`super::run`] from the figures, shown at the end of the report.

use serde::{Deserialize, Serialize};

use super::accounts;
use super::figures::{Figures, Played};
use super::growth;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    pub what: String,
    pub target: String,
    /// `None` when the scenario was not played.
    pub measured: Option<String>,
    pub met: Option<bool>,
}

const MIB: f64 = 1_048_576.0;

/// CPU seconds per 1,000 orders, and orders per second on two processors.
const CPU: f64 = 0.9;
const RATE: f64 = 1_800.0;
/// Share of the limit of the parts.
const SHARE: f64 = 0.6;
/// Accept p99 at half of saturation, in medians of a bare commit.
const COMMITS: f64 = 10.0;
const SLOW_PAYMENT: f64 = 0.9;
/// Seconds, as `Scenario::environment` sets it.
const SLOWEST_PAYMENT: f64 = 5.0;
const HOT_SKU: f64 = 0.8;
const BACKLOG: f64 = 1.0;
/// Orders in the tables, and what an order may cost more with many than with some.
const MANY: u64 = 1_000_000;
const SOME: u64 = 10_000;
const GROWTH: f64 = 1.2;
/// Milliseconds.
const QUESTION: f64 = 20.0;
const READY: f64 = 1.0;
/// Mebibytes of a role, idle and at saturation, and of `fleet`.
const ROLE_IDLE: f64 = 25.0;
const ROLE_BUSY: f64 = 64.0;
const FLEET_BUSY: f64 = 120.0;

pub fn ratios(figures: &Figures) -> Vec<Ratio> {
    let happy = figures.scenario("happy");
    let rate = happy.map(Played::per_second);
    let against_happy = |name| {
        let (played, rate) = (figures.scenario(name)?, rate?);
        Some(played.per_second() / rate)
    };
    // the last order waits for its own payment, however many are paid at once
    let slow = figures.scenario("slow-payment").zip(rate).map(|(played, rate)| {
        let seconds = (played.seconds - SLOWEST_PAYMENT).max(0.1);
        played.orders as f64 / seconds / rate
    });
    let share =
        figures.budget().zip(happy).map(|(budget, happy)| budget.microseconds() / (happy.total_per_thousand() * 1e3));
    let accept = happy.and_then(|happy| happy.half.as_ref()?.accept_latency);
    let commits = accept.map(|latency| latency.p99 / figures.parts.commit_p50.max(0.001));
    let errors = figures.scenario("payment-errors").zip(happy);
    let grown = |size| figures.scenario(&growth::name(size));
    let growth = grown(MANY).zip(grown(SOME)).map(|(many, some)| many.total_per_thousand() / some.total_per_thousand());
    let slowest = grown(MANY).map(|many| many.readings.values().map(|reading| reading.p99).fold(0.0, f64::max));
    let mut all = vec![
        at_most("happy: CPU seconds per 1,000 orders, all processes", CPU, happy.map(Played::total_per_thousand), 2),
        at_least("happy: orders per second", RATE, rate, 0),
        at_least("happy: share of the limit of the parts, by CPU", SHARE, share, 2),
        at_most("accept p99 at half of saturation, in bare commits' p50", COMMITS, commits, 1),
        at_least("slow payment: rate against happy, without the last payment's time", SLOW_PAYMENT, slow, 2),
        at_least("hot sku: rate against happy", HOT_SKU, against_happy("hot-sku"), 2),
        at_least("backlog: rate of draining against happy", BACKLOG, against_happy("backlog"), 2),
        at_most("CPU per order with a million orders against ten thousand", GROWTH, growth, 2),
        at_most("p99 of the slowest question with a million orders, ms", QUESTION, slowest, 1),
        at_most("seconds until every role is ready", READY, happy.map(|happy| happy.ready_seconds), 2),
    ];
    // a failed attempt's own cost: one more delivery through the ladder, as dear as an order's average message
    all.push(Ratio {
        what: "payment errors: CPU against happy".to_owned(),
        target: "no more than the retries' own messages".to_owned(),
        measured: errors.map(|(errors, happy)| {
            let messages = errors.traffic.enqueued() / happy.traffic.enqueued().max(0.001);
            let cpu = errors.total_per_thousand() / happy.total_per_thousand();
            format!("{cpu:.2} times the CPU for {messages:.2} times the messages")
        }),
        met: errors.map(|(errors, happy)| {
            let messages = errors.traffic.enqueued() / happy.traffic.enqueued().max(0.001);
            errors.total_per_thousand() / happy.total_per_thousand() <= messages
        }),
    });
    all.extend(memory(figures, happy));
    all
}

fn memory(figures: &Figures, happy: Option<&Played>) -> Vec<Ratio> {
    let largest = |amounts: &accounts::Amounts| {
        let ours = amounts.iter().filter(|(name, _)| ![accounts::BROKER, accounts::DATABASE].contains(&name.as_str()));
        ours.map(|(_, bytes)| bytes / MIB).fold(0.0, f64::max)
    };
    let idle = happy.map(|happy| largest(&happy.idle_memory));
    let peak = figures.scenarios.iter().map(|played| largest(&played.peak_memory)).reduce(f64::max);
    match figures.crew.as_str() {
        "roles" => vec![
            at_most("memory of the largest role, idle, MiB", ROLE_IDLE, idle, 0),
            at_most("memory of the largest role, at its highest, MiB", ROLE_BUSY, peak, 0),
        ],
        _ => vec![at_most("memory of fleet, at its highest, MiB", FLEET_BUSY, peak, 0)],
    }
}

fn at_most(what: &str, target: f64, measured: Option<f64>, digits: usize) -> Ratio {
    ratio(what, format!("at most {target:.digits$}"), measured, digits, |measured| measured <= target)
}

fn at_least(what: &str, target: f64, measured: Option<f64>, digits: usize) -> Ratio {
    ratio(what, format!("at least {target:.digits$}"), measured, digits, |measured| measured >= target)
}

fn ratio(what: &str, target: String, measured: Option<f64>, digits: usize, met: impl Fn(f64) -> bool) -> Ratio {
    let shown = measured.map(|value| format!("{value:.digits$}"));
    Ratio { what: what.to_owned(), target, measured: shown, met: measured.map(met) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        let ratios = ratios(&Figures::default());
        assert!(ratios.len() > 8);
        assert!(ratios.iter().all(|ratio| ratio.measured.is_none() && ratio.met.is_none()), "{ratios:#?}");
    }

    #[test]
    fn a_target_is_met_at_its_very_value() {
        let played = Played { name: "happy".to_owned(), orders: 1_800, seconds: 1.0, ..Played::default() };
        let figures = Figures { scenarios: vec![played], ..Figures::default() };
        let rate = ratios(&figures).into_iter().find(|ratio| ratio.what.contains("per second")).expect("the rate");
        assert_eq!((rate.measured.as_deref(), rate.met), (Some("1800"), Some(true)));
    }
}
