//! Health of a process, part by part: alive as long as it answers, ready when every part is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// All parts of one process.
#[derive(Clone, Default)]
pub struct Health {
    parts: Arc<Mutex<BTreeMap<String, Option<String>>>>,
}

/// One part's own entry.
#[derive(Clone)]
pub struct Pulse {
    health: Health,
    part: String,
}

impl Health {
    /// Registers a part; it counts as not ready until it says otherwise.
    pub fn part(&self, name: &str) -> Pulse {
        let pulse = Pulse { health: self.clone(), part: name.to_owned() };
        pulse.down("starting");
        pulse
    }

    /// Every part with what keeps it from being ready.
    pub fn report(&self) -> BTreeMap<String, Option<String>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn is_ready(&self) -> bool {
        self.report().values().all(Option::is_none)
    }
}

impl Pulse {
    pub fn up(&self) {
        self.set(None);
    }

    pub fn down(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()));
    }

    fn set(&self, state: Option<String>) {
        let mut parts = self.health.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.insert(self.part.clone(), state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_when_every_part_is() {
        let health = Health::default();
        let (one, two) = (health.part("one"), health.part("two"));
        one.up();
        assert!(!health.is_ready());
        two.up();
        assert!(health.is_ready());
        one.down("the broker is away");
        assert_eq!(health.report()["one"].as_deref(), Some("the broker is away"));
    }
}
