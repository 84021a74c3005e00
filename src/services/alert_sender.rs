//! Tells people of alerts: by webhook (Slack's form of a message), by e-mail, and always in the log. Each goes to its owner's route, or to
//! the default one; what cannot be delivered is tried again.

use std::time::Duration;

use sqlx::{Connection, PgPool};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::ports::alerts::Routes;
use crate::store::alerts::{self, Unsent};
use crate::telemetry::{chain, metrics};

const LOOK: Duration = Duration::from_secs(1);
/// Longest time for all the ways of one alert.
const SENDING: Duration = Duration::from_secs(20);

pub struct AlertSender {
    pub db: PgPool,
    pub routes: Routes,
}

impl AlertSender {
    /// Runs until the process is told to stop. Several may run; each alert is sent by one of them.
    pub async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            match self.send_next().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::debug!(error = chain(&error), "alerts wait for the database"),
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    async fn send_next(&self) -> Result<bool, sqlx::Error> {
        let mut db = self.db.acquire().await?;
        let mut tx = db.begin().await?;
        let Some(alert) = alerts::next_unsent(&mut tx).await? else { return Ok(false) };
        let sent = timeout(SENDING, self.send(&alert)).await;
        let error = match sent {
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(why),
            Err(_) => Some(format!("not sent within {} s", SENDING.as_secs())),
        };
        metrics()
            .alerts
            .with_label_values(&[alert.kind.as_str(), if error.is_some() { "failed" } else { "sent" }])
            .inc();
        alerts::note(&mut tx, alert.id, error.as_deref()).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// By every way of its route. What was sent by one and not by another is sent again by all: better twice than never.
    async fn send(&self, alert: &Unsent) -> Result<(), String> {
        tracing::error!(alert = %alert.id, kind = alert.kind, owner = alert.owner, body = alert.body, "{}", alert.title);
        let mut failures = Vec::new();
        for route in self.routes.of(alert.owner.as_deref()) {
            if let Err(error) = route.send(alert.id, &alert.title, &alert.body).await {
                failures.push(format!("{route}: {error}"));
            }
        }
        if failures.is_empty() {
            return Ok(());
        }
        let why = failures.join("; ");
        tracing::warn!(alert = %alert.id, why, "an alert was not delivered");
        Err(why)
    }
}
