//! The delivery log: every notification that left the house, once per channel and message.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::OrderId;
use crate::domain::notification::{Channel, Kind};

/// One notification that was handed to its transport.
#[derive(Clone, Debug)]
pub struct Delivered {
    pub message_id: Uuid,
    pub kind: Kind,
    pub order_id: OrderId,
    /// Masked.
    pub recipient: String,
    pub transport: &'static str,
    pub reference: String,
}

/// # Errors
/// Any database error.
pub async fn record(db: &mut PgConnection, channel: Channel, delivered: &[Delivered]) -> Result<(), sqlx::Error> {
    if delivered.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "with sent as (
             insert into notification_deliveries (channel, message_id, kind, order_id, recipient, transport, reference)
             select $1, * from unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[])
             on conflict do nothing returning 1
         )
         insert into running_totals as t (what, shard, count)
         select $1, pg_backend_pid() % 16, count(*) from sent having count(*) > 0
         on conflict (what, shard) do update set count = t.count + excluded.count",
    )
    .bind(channel.as_str())
    .bind(delivered.iter().map(|d| d.message_id).collect::<Vec<_>>())
    .bind(delivered.iter().map(|d| d.kind.as_str()).collect::<Vec<_>>())
    .bind(delivered.iter().map(|d| d.order_id.0).collect::<Vec<_>>())
    .bind(delivered.iter().map(|d| d.recipient.as_str()).collect::<Vec<_>>())
    .bind(delivered.iter().map(|d| d.transport).collect::<Vec<_>>())
    .bind(delivered.iter().map(|d| d.reference.as_str()).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}
