//! A stretch of work, metered: CPU of this process and of one server, and the clock. Used by the two parts.

use std::time::Instant;

use super::Cost;
use crate::bench::processes::Processes;

pub struct Meter {
    server: u32,
    before: (f64, f64),
    started: Instant,
}

impl Meter {
    pub fn start(server: u32) -> Self {
        Self { server, before: used(server), started: Instant::now() }
    }

    pub fn cost(&self, units: usize) -> Cost {
        let (client, server) = used(self.server);
        let per_unit = |now: f64, before: f64| (now - before) * 1e6 / units as f64;
        Cost {
            client: per_unit(client, self.before.0),
            server: per_unit(server, self.before.1),
            per_second: units as f64 / self.started.elapsed().as_secs_f64(),
        }
    }
}

/// Seconds of this process and of the server with everything below it.
fn used(server: u32) -> (f64, f64) {
    let processes = Processes::look();
    let seconds = |pid| processes.tree(pid).map_or(0.0, |tree| tree.cpu.as_secs_f64());
    (seconds(std::process::id()), seconds(server))
}
