//! Notices what the operator must be told: once per new group of dead letters, on growth by powers of ten, on return after it was
//! resolved, and when no dead-letter-handler consumes. Quiet on what is known. `alert_sender` tells it.

use serde_json::json;
use sqlx::PgConnection;

use super::job::{Done, JobError};
use crate::store::alerts::{self, AlertKind, NewAlert, Untold};

/// Most groups of one run.
const AT_ONCE: i64 = 50;

pub async fn run(db: &mut PgConnection) -> Result<Done, JobError> {
    let untold = alerts::untold(db, AT_ONCE).await?;
    for group in &untold {
        let (kind, title) = worded(group);
        let body = body(group);
        let owner = group.owner.as_deref();
        alerts::raise(db, &NewAlert { kind, group: Some(group.id), owner, title: &title, body: &body }).await?;
        alerts::told(db, group.id, group.failures).await?;
    }
    let (consumes, was_silent) = alerts::handler(db).await?;
    let changed = match (consumes, was_silent) {
        (false, false) => Some((AlertKind::HandlerSilent, "no dead-letter-handler consumes", SILENT)),
        (true, true) => Some((AlertKind::HandlerBack, "a dead-letter-handler consumes again", BACK)),
        (true, false) | (false, true) => None,
    };
    if let Some((kind, title, body)) = changed {
        alerts::raise(db, &NewAlert { kind, group: None, owner: None, title, body }).await?;
    }
    let count = i64::try_from(untold.len()).unwrap_or(i64::MAX) + i64::from(changed.is_some());
    Ok(Done { count, detail: json!({}), wakes_relay: false })
}

const SILENT: &str = "Dead letters wait in the queue dead_letters and are not seen by anyone. Nothing is lost.\n\
    See: orders status\nWhat to do: docs/runbook.md, the handler is silent";
const BACK: &str = "What waited in the queue dead_letters is stored now.";

fn worded(group: &Untold) -> (AlertKind, String) {
    let consumer = if group.queue.is_empty() { "an unknown consumer" } else { &group.queue };
    match (group.has_returned, group.told_failures) {
        (true, _) => (AlertKind::GroupReturned, format!("a resolved failure in {consumer} is back")),
        (false, 0) => (AlertKind::NewGroup, format!("a new kind of failure in {consumer}")),
        (false, _) => (AlertKind::GroupGrown, format!("{} failures of one kind in {consumer}", group.failures)),
    }
}

/// The error is the group's, without what it quoted of anybody.
fn body(group: &Untold) -> String {
    let kind = group.kind.as_deref().map_or_else(String::new, |kind| format!(", type {kind}"));
    format!(
        "{} ({}{kind}), {} deaths so far.\nSee them: dead-letter-handler group {id}\nTry a replay: dead-letter-handler replay --group {id} --dry-run\nWhat to do: docs/runbook.md",
        group.error,
        group.reason,
        group.failures,
        id = group.id
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_says_what_is_new_about_it_and_what_to_do() {
        let group = |failures, told_failures, has_returned| Untold {
            id: uuid::Uuid::nil(),
            queue: "analytics".to_owned(),
            reason: "refused".to_owned(),
            kind: None,
            error: "closed".to_owned(),
            failures,
            told_failures,
            has_returned,
            owner: None,
        };
        assert_eq!(worded(&group(1, 0, false)).0, AlertKind::NewGroup);
        assert_eq!(worded(&group(100, 10, false)).1, "100 failures of one kind in analytics");
        assert_eq!(worded(&group(11, 10, true)).0, AlertKind::GroupReturned);
        assert!(body(&group(1, 0, false)).contains("dead-letter-handler group 00000000"));
    }
}
