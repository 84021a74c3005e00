//! Gives back stock that nobody waits for any more, and sells stock whose order is confirmed but whose commit was lost. Both by
//! asking the inventory-service: it alone moves stock.

use serde_json::json;
use sqlx::PgConnection;

use super::job::{Done, JobError};
use crate::contract::Outgoing;
use crate::contract::inventory::InventoryRequest;
use crate::domain::OrderId;
use crate::store::{outbox, stuck};
use crate::topology::names;

/// Reservations looked after in one run.
const LIMIT: i64 = 500;

pub async fn run(db: &mut PgConnection) -> Result<Done, JobError> {
    let left_over = stuck::leftover_reservations(db, LIMIT).await?;
    if left_over.is_empty() {
        return Ok(Done::default());
    }
    let mut messages = Vec::with_capacity(left_over.len());
    for reservation in &left_over {
        let order_id = reservation.order_id;
        let request = match reservation.is_sold {
            true => InventoryRequest::Commit { order_id },
            false => InventoryRequest::Release { order_id },
        };
        messages.push(message(order_id, &request, reservation.touched_micros)?);
        tracing::warn!(%order_id, request = request.kind(), "reservation left over");
    }
    outbox::add_all(db, &messages).await?;
    let sold = left_over.iter().filter(|reservation| reservation.is_sold).count();
    let detail = json!({"committed": sold, "released": left_over.len() - sold});
    Ok(Done { count: i64::try_from(left_over.len()).unwrap_or(i64::MAX), detail, wakes_relay: true })
}

/// The id is its own per look, so that the inbox does not take it for the request that was lost in `dead_letters`.
fn message(order_id: OrderId, request: &InventoryRequest, touched_micros: i64) -> Result<Outgoing, serde_json::Error> {
    let id = order_id.message_id(&format!("{}/left_over/{touched_micros}", request.kind()));
    Outgoing::json(id, "", names::INVENTORY_REQUESTS, request.kind(), request)
}
