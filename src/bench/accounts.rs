//! Who has used how much: CPU time and bytes written of the fleet's processes, the broker and the database, between two moments. Used by
//! [`super::play`] and [`super::parts`].

use std::collections::BTreeMap;

use super::processes::Processes;
use crate::telemetry::{Memory, bytes_written};

/// Names of the two servers in every account; all other names are processes of ours.
pub const BROKER: &str = "broker";
pub const DATABASE: &str = "database";

/// First process of each party.
#[derive(Clone, Debug)]
pub struct Accounts(Vec<(String, u32)>);

/// By party: seconds of CPU, or bytes.
pub type Amounts = BTreeMap<String, f64>;

/// One moment.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    cpu: Amounts,
    written: Amounts,
}

/// Between two moments.
#[derive(Clone, Debug, Default)]
pub struct Spent {
    /// Seconds.
    pub cpu: Amounts,
    /// Bytes.
    pub written: Amounts,
}

impl Accounts {
    pub fn new(ours: Vec<(String, u32)>, broker: u32, database: u32) -> Self {
        Self([ours, vec![(BROKER.to_owned(), broker), (DATABASE.to_owned(), database)]].concat())
    }

    pub fn read(&self) -> Reading {
        let processes = Processes::look();
        let mut reading = Reading::default();
        for (name, root) in &self.0 {
            let Some(tree) = processes.tree(*root) else { continue };
            reading.cpu.insert(name.clone(), tree.cpu.as_secs_f64());
            let written: u64 = tree.pids.iter().filter_map(|pid| bytes_written(*pid)).sum();
            reading.written.insert(name.clone(), written as f64);
        }
        reading
    }

    pub fn since(&self, before: &Reading) -> Spent {
        let now = self.read();
        Spent { cpu: minus(&now.cpu, &before.cpu), written: minus(&now.written, &before.written) }
    }

    /// Resident bytes of each first process: now, and at its highest. The database's are those of all its processes together, shared
    /// pages counted in each.
    pub fn memory(&self) -> (Amounts, Amounts) {
        let processes = Processes::look();
        let (mut now, mut peak) = (Amounts::new(), Amounts::new());
        for (name, root) in &self.0 {
            let Some(tree) = processes.tree(*root) else { continue };
            let all: Vec<_> = tree.pids.iter().filter_map(|pid| Memory::of(*pid)).collect();
            now.insert(name.clone(), all.iter().map(|memory| memory.now).sum::<u64>() as f64);
            peak.insert(name.clone(), all.iter().map(|memory| memory.peak).sum::<u64>() as f64);
        }
        (now, peak)
    }
}

fn minus(now: &Amounts, before: &Amounts) -> Amounts {
    let before = |name: &String| before.get(name).copied().unwrap_or_default();
    now.iter().map(|(name, amount)| (name.clone(), (amount - before(name)).max(0.0))).collect()
}

/// The sum over processes of ours.
pub fn ours(amounts: &Amounts) -> f64 {
    amounts.iter().filter(|(name, _)| ![BROKER, DATABASE].contains(&name.as_str())).map(|(_, amount)| amount).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_everything_but_the_two_servers() {
        let amounts = [("fleet", 1.0), ("order-api", 2.0), (BROKER, 4.0), (DATABASE, 8.0)];
        let amounts: Amounts = amounts.map(|(name, amount)| (name.to_owned(), amount)).into();
        assert_eq!(ours(&amounts), 3.0);
        assert_eq!(minus(&amounts, &amounts).values().sum::<f64>(), 0.0);
    }
}
