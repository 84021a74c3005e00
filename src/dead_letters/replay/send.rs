//! How a replay sends: what would change nothing is left out, the rest is claimed and published, and what became of each is written.

use sqlx::Connection;
use tokio::time::Instant;
use uuid::Uuid;

use super::runner::Run;
use crate::dead_letters::publish::{CHUNK, Outcome};
use crate::store::dead_letters::{self as store, Change, ItemState, Waiting};

impl Run<'_> {
    /// Sends the next; answers how many were taken up.
    pub(super) async fn send(&mut self, room: i64) -> Result<usize, sqlx::Error> {
        let started = Instant::now();
        let mut db = self.runner.db.acquire().await?;
        let next = store::waiting(&mut db, self.operation.id, room).await?;
        drop(db);
        for chunk in next.chunks(CHUNK) {
            // rehearsing takes its time: whoever has lost the lease must not send what another one sends
            if !self.still_holds().await? {
                break;
            }
            self.send_chunk(chunk).await?;
            if self.away.is_some() {
                break;
            }
        }
        self.sent_at = Some(started);
        self.is_stage_sent |= !next.is_empty();
        Ok(next.len())
    }

    async fn send_chunk(&mut self, chunk: &[Waiting]) -> Result<(), sqlx::Error> {
        let mut changes = Vec::with_capacity(chunk.len());
        let mut to_send = Vec::with_capacity(chunk.len());
        let ids: Vec<Uuid> = chunk.iter().map(|item| item.letter).collect();
        let needless = self.needless(&ids).await?;
        for item in chunk {
            match needless.get(&item.letter) {
                // its first sending has arrived after all
                Some(_) if item.is_in_doubt => {
                    self.fares.applied(item.group);
                    changes.push(ended(*item, ItemState::Applied, None));
                }
                Some(why) => changes.push(ended(*item, ItemState::Skipped, Some(why.clone()))),
                None => to_send.push(*item),
            }
        }
        let ids: Vec<Uuid> = to_send.iter().map(|item| item.letter).collect();
        let reports = self.runner.replayer.replay(&ids, self.operation.id, self.operation.watched).await?;
        for (item, report) in to_send.iter().zip(reports) {
            changes.push(match &report.outcome {
                Outcome::BrokerAway { why, in_doubt } => {
                    self.away = Some(why.clone());
                    Change { message_id: *in_doubt, ..ended(*item, ItemState::Waiting, None) }
                }
                Outcome::Replayed { inbox_id, .. } | Outcome::MovedOn { inbox_id } if self.operation.watched => {
                    Change {
                        message_id: Some(*inbox_id),
                        ..ended(*item, ItemState::Sent, Some(report.outcome.to_string()))
                    }
                }
                Outcome::Replayed { .. } => ended(*item, ItemState::Applied, Some(report.outcome.to_string())),
                Outcome::NotFree(_) | Outcome::NotFound => {
                    ended(*item, ItemState::Skipped, Some(report.outcome.to_string()))
                }
                Outcome::MovedOn { .. } | Outcome::NoWayBack | Outcome::NotStored(_) | Outcome::InDoubt(_) => {
                    self.fares.failed(item.group);
                    ended(*item, ItemState::Failed, Some(report.outcome.to_string()))
                }
            });
        }
        self.write(&changes).await
    }

    pub(super) async fn write(&self, changes: &[Change]) -> Result<(), sqlx::Error> {
        let mut db = self.runner.db.acquire().await?;
        let mut tx = db.begin().await?;
        store::change(&mut tx, self.operation.id, changes).await?;
        tx.commit().await
    }
}

fn ended(item: Waiting, to: ItemState, detail: Option<String>) -> Change {
    Change { position: item.position, to, detail, message_id: None }
}
