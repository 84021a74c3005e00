//! Reading one order for people, with its timeline or its whole history. Called by the HTTP API; writes nothing.

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::decode::decode;
use super::order_row::read_order;
use crate::domain::{CustomerId, Order, OrderId};

/// One order with everything that is known of its way.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(examples(json!({
    "id": "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90", "customer_id": "c-17", "email": "ada@shop.example",
    "items": [{"sku": "GADGET-01", "quantity": 2, "price": 19.99}], "total": 39.98, "status": "processing",
    "created_at": "2026-11-21T01:52:27.759395Z", "updated_at": "2026-11-21T01:52:27.902333Z",
    "saga": {"step": "taking_payment", "since": "2026-11-21T01:52:27.902333Z", "deadline": "2026-11-21T01:57:27.902333Z"},
    "timeline": [
        {"at": "2026-11-21T01:52:27.759395Z", "event": "accepted", "status": "pending"},
        {"at": "2026-11-21T01:52:27.802333Z", "event": "submitted", "status": "processing", "step": "reserving_stock"}
    ]
})))]
pub struct OrderDetails {
    #[serde(flatten)]
    pub order: Order,
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// What the running saga waits for; `null` once the order is settled.
    pub saga: Option<SagaView>,
    pub timeline: Vec<TimelineEntry>,
    /// Where the customer can follow it without a login; a path while `PUBLIC_URL` is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_url: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SagaView {
    pub step: String,
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub deadline: OffsetDateTime,
}

/// One change of state, oldest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TimelineEntry {
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    pub event: String,
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Uuid>,
}

/// # Errors
/// When the database is away, or a stored value breaks the rule of its type.
pub async fn find(conn: &mut PgConnection, id: OrderId) -> Result<Option<OrderDetails>, sqlx::Error> {
    let row = sqlx::query(
        "select id, customer_id, email, phone, items, total, status, orders.reason, null as payment_token, metadata, created_at, \
                priority, confirmed_at, shipment, delivered_at, updated_at, step, since, deadline \
         from orders left join sagas on sagas.order_id = orders.id where id = $1",
    )
    .bind(id.0)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let saga = match row.try_get::<Option<String>, _>("step")? {
        Some(step) => Some(SagaView { step, since: row.try_get("since")?, deadline: row.try_get("deadline")? }),
        None => None,
    };
    let timeline = timeline(conn, id).await?;
    let (order, updated_at) = (read_order(&row)?, row.try_get("updated_at")?);
    Ok(Some(OrderDetails { order, updated_at, saga, timeline, tracking_url: None }))
}

async fn timeline(conn: &mut PgConnection, id: OrderId) -> Result<Vec<TimelineEntry>, sqlx::Error> {
    sqlx::query("select at, event, status, step, detail, message_id from order_history where order_id = $1 order by id")
        .bind(id.0)
        .try_map(|row: PgRow| timeline_entry(&row))
        .fetch_all(conn)
        .await
}

fn timeline_entry(row: &PgRow) -> Result<TimelineEntry, sqlx::Error> {
    Ok(TimelineEntry {
        at: row.try_get("at")?,
        event: row.try_get("event")?,
        status: row.try_get("status")?,
        step: row.try_get("step")?,
        detail: row.try_get("detail")?,
        message_id: row.try_get("message_id")?,
    })
}

/// One change of state with everything that is known of its cause: who, when, why, and which message or request.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HistoryEntry {
    /// Grows from entry to entry.
    pub id: i64,
    #[serde(flatten)]
    pub entry: TimelineEntry,
    /// As in `operator:anna`; absent in what was written before actors were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Of the request that a person made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

/// The whole history of one order, oldest first.
///
/// # Errors
/// When the database is away.
pub async fn history(conn: &mut PgConnection, id: OrderId) -> Result<Vec<HistoryEntry>, sqlx::Error> {
    sqlx::query(
        "select id, at, event, status, step, detail, message_id, actor, correlation_id \
         from order_history where order_id = $1 order by id",
    )
    .bind(id.0)
    .try_map(|row: PgRow| {
        Ok(HistoryEntry {
            id: row.try_get("id")?,
            entry: timeline_entry(&row)?,
            actor: row.try_get("actor")?,
            correlation_id: row.try_get("correlation_id")?,
        })
    })
    .fetch_all(conn)
    .await
}

/// Whose order it is; `None` when there is no such order.
///
/// # Errors
/// When the database is away.
pub async fn customer_of(conn: &mut PgConnection, id: OrderId) -> Result<Option<CustomerId>, sqlx::Error> {
    let customer: Option<String> =
        sqlx::query_scalar("select customer_id from orders where id = $1").bind(id.0).fetch_optional(conn).await?;
    customer.map(|customer| decode(CustomerId::parse(customer))).transpose()
}
