//! Health of a process, part by part: alive as long as it answers, ready when every part is. Parts that are roles can be looked into
//! (`signs`); the heartbeat does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Signs;
use crate::contract::instance::InstanceState;

/// All parts of one process.
#[derive(Clone, Default)]
pub struct Health {
    parts: Arc<Mutex<BTreeMap<String, Part>>>,
}

/// Looks into a role; called between two heartbeats, so it must not wait for anything.
type Look = Arc<dyn Fn() -> Signs + Send + Sync>;

#[derive(Default)]
struct Part {
    /// What keeps it from being ready.
    trouble: Option<String>,
    has_been_ready: bool,
    look: Option<Look>,
}

/// One part's own entry.
#[derive(Clone)]
pub struct Pulse {
    health: Health,
    part: String,
}

/// How one role of the process is, for its heartbeat.
#[derive(Clone, Debug)]
pub struct RoleHealth {
    pub role: String,
    pub state: InstanceState,
    pub trouble: Option<String>,
    pub signs: Signs,
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
        self.with_parts(|parts| parts.iter().map(|(name, part)| (name.clone(), part.trouble.clone())).collect())
    }

    /// Every part that is a role, looked into.
    pub fn roles(&self, draining: bool) -> Vec<RoleHealth> {
        let parts: Vec<(String, bool, Option<String>, Look)> = self.with_parts(|parts| {
            let roles = parts.iter().filter_map(|(name, part)| Some((name, part, part.look.clone()?)));
            roles.map(|(name, part, look)| (name.clone(), part.has_been_ready, part.trouble.clone(), look)).collect()
        });
        // Looked into outside of the lock: a role that has just got into trouble wants to say so.
        let look = |(role, has_been_ready, trouble, look): (String, bool, Option<String>, Look)| {
            let state = match (draining, &trouble, has_been_ready) {
                (true, _, _) => InstanceState::Draining,
                (false, None, _) => InstanceState::Running,
                (false, Some(_), true) => InstanceState::Paused,
                (false, Some(_), false) => InstanceState::Starting,
            };
            RoleHealth { role, state, trouble, signs: look() }
        };
        parts.into_iter().map(look).collect()
    }

    pub fn is_ready(&self) -> bool {
        self.report().values().all(Option::is_none)
    }

    fn with_parts<T>(&self, look: impl FnOnce(&mut BTreeMap<String, Part>) -> T) -> T {
        look(&mut self.parts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Pulse {
    pub fn up(&self) {
        self.change(|part| {
            part.trouble = None;
            part.has_been_ready = true;
        });
    }

    pub fn down(&self, reason: impl Into<String>) {
        self.change(|part| part.trouble = Some(reason.into()));
    }

    /// Makes the part a role that the heartbeat tells of.
    pub fn shows(&self, look: impl Fn() -> Signs + Send + Sync + 'static) {
        self.change(|part| part.look = Some(Arc::new(look)));
    }

    fn change(&self, change: impl FnOnce(&mut Part)) {
        self.health.with_parts(|parts| change(parts.entry(self.part.clone()).or_default()));
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

    #[test]
    fn a_role_starts_runs_pauses_and_drains_and_a_part_that_is_no_role_is_not_told_of() {
        let health = Health::default();
        health.part("database").up();
        let pulse = health.part("payment-service");
        assert!(health.roles(false).is_empty());
        pulse.shows(Signs::default);
        let state = |draining| health.roles(draining)[0].state;
        assert_eq!(state(false), InstanceState::Starting);
        pulse.up();
        assert_eq!(state(false), InstanceState::Running);
        pulse.down("the broker is away");
        assert_eq!(state(false), InstanceState::Paused);
        assert_eq!(health.roles(false)[0].trouble.as_deref(), Some("the broker is away"));
        assert_eq!(state(true), InstanceState::Draining);
    }
}
