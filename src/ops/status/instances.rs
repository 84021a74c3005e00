//! Heartbeats as an operator wants to see them: who is silent, and whether somebody else has taken the place; whose breakers stand
//! how; who leads.

use crate::contract::instance::SILENT_AFTER;
use crate::contract::status::{BreakerStatus, InstanceStatus};
use crate::store::instances::Instance;

/// The instances by role, the youngest first.
pub(super) fn instances(found: &[Instance]) -> Vec<InstanceStatus> {
    let mut instances: Vec<InstanceStatus> = found
        .iter()
        .map(|instance| InstanceStatus {
            id: instance.id,
            role: instance.role.clone(),
            host: instance.host.clone(),
            pid: instance.pid,
            version: instance.version.clone(),
            started_at: instance.started_at,
            uptime_seconds: instance.uptime_seconds,
            state: instance.state.clone(),
            reason: instance.reason.clone(),
            heartbeat_seconds_ago: instance.seen_seconds_ago,
            silent: is_silent(instance),
            replaced: is_silent(instance) && found.iter().any(|other| replaces(other, instance)),
            cpu_seconds: instance.cpu_seconds,
            cpu_share: instance.detail.cpu_share,
            rss_bytes: instance.rss_bytes,
            leads: instance.detail.leads,
            consumer: instance.detail.consumer.clone(),
        })
        .collect();
    // stable: the youngest of each role stays first
    instances.sort_by(|one, other| one.role.cmp(&other.role));
    instances
}

fn is_silent(instance: &Instance) -> bool {
    instance.seen_seconds_ago > SILENT_AFTER.as_secs_f64()
}

/// Killed and started again, as a supervisor does.
fn replaces(other: &Instance, silent: &Instance) -> bool {
    other.role == silent.role && !is_silent(other) && other.started_at >= silent.seen_at
}

/// Every breaker of those that can still be heard.
pub(super) fn breakers(found: &[Instance]) -> Vec<BreakerStatus> {
    let of = |instance: &Instance| {
        let (role, host, pid) = (instance.role.clone(), instance.host.clone(), instance.pid);
        let breakers = instance.breakers.clone().into_iter();
        breakers.map(move |breaker| BreakerStatus { role: role.clone(), host: host.clone(), pid, breaker })
    };
    let mut breakers: Vec<BreakerStatus> = found.iter().filter(|instance| !is_silent(instance)).flat_map(of).collect();
    breakers.sort_by(|one, other| one.role.cmp(&other.role));
    breakers
}

/// The scheduler that leads, if it can be heard.
pub(super) fn leader(found: &[Instance]) -> Option<String> {
    let leads = |instance: &&Instance| instance.detail.leads == Some(true) && !is_silent(instance);
    found.iter().find(leads).map(|leader| format!("{} (process {})", leader.host, leader.pid))
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};
    use uuid::Uuid;

    use super::*;
    use crate::contract::instance::InstanceDetail;

    fn instance(role: &str, started: i64, seen: i64) -> Instance {
        let at = |seconds| OffsetDateTime::UNIX_EPOCH + Duration::seconds(1_000 + seconds);
        Instance {
            id: Uuid::from_u128(u128::try_from(1_000 + started).expect("positive")),
            role: role.to_owned(),
            host: "host".to_owned(),
            pid: 1,
            version: String::new(),
            started_at: at(started),
            seen_at: at(seen),
            seen_seconds_ago: -seen as f64,
            uptime_seconds: -started as f64,
            state: "running".to_owned(),
            reason: None,
            cpu_seconds: None,
            rss_bytes: None,
            breakers: Vec::new(),
            detail: InstanceDetail::default(),
        }
    }

    #[test]
    fn a_silent_instance_is_replaced_only_by_a_later_one_of_its_role_that_can_be_heard() {
        let silent = instance("a", -900, -100);
        let replaced = |other| instances(&[silent.clone(), other]).into_iter().any(|instance| instance.replaced);
        assert!(replaced(instance("a", -90, -1)));
        // a neighbour that was there before does not stand in for it; one that has died again, neither
        assert!(!replaced(instance("a", -500, -1)));
        assert!(!replaced(instance("a", -90, -50)));
        assert!(!replaced(instance("b", -90, -1)));
    }
}
