//! Everything that a bench finds: written as JSON, shown by [`super::report`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::accounts::{self, Amounts, BROKER, DATABASE};
use super::budget::Budget;
use super::load::{LatencySummary, LoadReport};
use super::parts::Parts;
use super::queues::Traffic;
use super::tables::{Rows, Statement};
use super::targets::Ratio;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    pub command: String,
    pub machine: Machine,
    /// `fleet` in one process, or `roles` in one each.
    pub crew: String,
    pub parts: Parts,
    pub scenarios: Vec<Played>,
    pub ratios: Vec<Ratio>,
    pub seconds: f64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    pub processors: usize,
    pub processor: String,
    pub memory_bytes: u64,
    /// Runnable tasks on average over the last minute, when the bench began: above some tenths, others work here, too.
    pub load: f64,
}

/// One scenario. Seconds, bytes, and CPU seconds by party.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Played {
    pub name: String,
    pub orders: u64,
    /// From the first order (or the start of the drain, or of the replay) until everything was consumed.
    pub seconds: f64,
    pub confirmed: u64,
    pub not_confirmed: u64,
    /// The load generator's own report, where there was one.
    pub load: Option<LoadReport>,
    /// At half of saturation.
    pub half: Option<LoadReport>,
    pub cpu: Amounts,
    /// Of the command that brought the orders.
    pub load_cpu: f64,
    /// Share of one processor while nothing happens.
    pub idle_cpu: Amounts,
    pub written: Amounts,
    pub ready_seconds: f64,
    pub idle_memory: Amounts,
    pub peak_memory: Amounts,
    /// Per order.
    pub traffic: Traffic,
    /// Per order.
    pub rows: Rows,
    pub statements: Vec<Statement>,
    /// How long the API takes for its questions, by name.
    pub readings: Readings,
    pub notes: BTreeMap<String, String>,
}

pub type Readings = BTreeMap<String, LatencySummary>;

impl Played {
    pub fn per_second(&self) -> f64 {
        self.orders as f64 / self.seconds.max(0.001)
    }

    /// CPU seconds per 1,000 orders: of our processes, of the broker, of the database.
    pub fn cpu_per_thousand(&self) -> [f64; 3] {
        let of = |name| self.cpu.get(name).copied().unwrap_or_default();
        [accounts::ours(&self.cpu), of(BROKER), of(DATABASE)]
            .map(|seconds| seconds * 1_000.0 / self.orders.max(1) as f64)
    }

    pub fn total_per_thousand(&self) -> f64 {
        self.cpu_per_thousand().iter().sum()
    }
}

impl Figures {
    pub fn scenario(&self, name: &str) -> Option<&Played> {
        self.scenarios.iter().find(|played| played.name == name)
    }

    /// The limit for what an order of the happy path needs.
    pub fn budget(&self) -> Option<Budget> {
        let happy = self.scenario("happy")?;
        Some(Budget::new(&self.parts, &happy.traffic, &happy.rows))
    }
}

impl Machine {
    pub fn look() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let (processors, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
        let after = |text: &str, label: &str, separator| {
            let line = text.lines().find(|line| line.starts_with(label)).map(str::to_owned);
            line.and_then(|line| line.split_once(separator).map(|(_, value)| value.trim().to_owned()))
        };
        let kibibytes = after(&memory, "MemTotal", ':').and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        Self {
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            processor: after(&processors, "model name", ':').unwrap_or_default(),
            memory_bytes: kibibytes.unwrap_or_default() * 1_024,
            load: read("/proc/loadavg").split(' ').next().and_then(|text| text.parse().ok()).unwrap_or_default(),
        }
    }
}
