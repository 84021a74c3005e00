//! The life of an order beyond its confirmation, on the whole fleet: cancelled at every stage, shipped, delivered, raced for; and how
//! orders are found, noted upon and told apart by priority.

mod bulk;
mod cancelling;
mod finding;
mod history;
mod notes;
mod prices;
mod priority;
mod races;
mod resolving;
mod searching;
mod shipping;

use std::time::Duration;

use order_fleet::ops::audit::{Options as AuditOptions, run};
use serde_json::{Value, json};

use crate::support::{Options, Role, Stage, answer, eventually};

/// Everything that takes part, the analytics-service included.
async fn whole_fleet() -> Stage {
    let mut stage = Stage::of_the_whole_fleet(Options::default()).await;
    stage.start(&[Role::Analytics]).await;
    stage.stock("WIDGET-01", 100).await;
    stage
}

impl Stage {
    /// Asks something of an order: `cancel`, `ship` or `deliver`; again when the service is busy.
    async fn ask(&self, id: &str, verb: &str, body: &Value) -> (u16, Value) {
        eventually("the request is answered", async || {
            let (status, answer) = answer(self.api.post(&format!("/api/v1/orders/{id}/{verb}"), body)).await;
            (status != 503).then_some((status, answer))
        })
        .await
    }

    async fn cancel(&self, id: &str) -> (u16, Value) {
        self.ask(id, "cancel", &json!({"reason": "changed their mind"})).await
    }

    async fn ship(&self, id: &str, tracking_number: &str) -> (u16, Value) {
        self.ask(id, "ship", &json!({"carrier": "DHL", "tracking_number": tracking_number})).await
    }

    /// Waits until nothing moves, then puts every law of the audit to the database; nothing may be missing any more.
    async fn is_audited_clean(&mut self) {
        self.settle().await;
        let options = AuditOptions {
            since: None,
            settle: Some(Duration::from_secs(10)),
            grace: Duration::ZERO,
            patience: Duration::from_secs(3600),
            statement_timeout: Duration::from_secs(30),
            limit: 20,
        };
        let report = run(&self.database.pool.connect_options(), None, &options).await.expect("audited");
        let broken: Vec<String> = report
            .invariants
            .iter()
            .flat_map(|verdict| verdict.violations.iter().map(move |found| format!("{}: {found}", verdict.name)))
            .collect();
        assert!(report.clean, "{broken:#?}");
    }
}
