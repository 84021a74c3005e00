//! What can be seen of a role from outside of it, at the moment of looking. Roles give it to their `Pulse`, the heartbeat reads it.

use std::time::Duration;

use super::Taken;
use crate::contract::instance::BreakerState;

#[derive(Clone, Debug, Default)]
pub struct Signs {
    pub breaker: Option<BreakerSign>,
    /// Of a consumer: its queue, and what it took since the last look.
    pub taken: Option<(&'static str, Taken)>,
    /// Of a scheduler: whether it leads.
    pub leads: Option<bool>,
}

/// A breaker as it stands.
#[derive(Clone, Copy, Debug)]
pub struct BreakerSign {
    pub dependency: &'static str,
    pub state: BreakerState,
    /// How long the dependency has been down, or up again.
    pub for_so_long: Option<Duration>,
    pub failure_share: f64,
}
