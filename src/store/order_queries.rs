//! Reading orders for people: one with its timeline, or pages of them, newest first. Called by the HTTP API; writes nothing.

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use time::macros::datetime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::order_row::read_order;
use crate::domain::{Order, OrderId, OrderStatus};

/// One order with everything that is known of its way.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrderDetails {
    #[serde(flatten)]
    pub order: Order,
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// What the running saga waits for; `null` once the order is settled.
    pub saga: Option<SagaView>,
    pub timeline: Vec<TimelineEntry>,
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

/// Where a page of orders ends: the next one continues below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderPosition {
    pub created_at: OffsetDateTime,
    pub id: OrderId,
}

impl OrderPosition {
    /// Above every order: the last moment that the date type can write.
    pub const NEWEST: Self = Self { created_at: datetime!(9999-12-31 23:59:59 UTC), id: OrderId(Uuid::max()) };

    pub fn of(order: &Order) -> Self {
        Self { created_at: order.created_at, id: order.id }
    }
}

/// # Errors
/// When the database is away, or a stored value breaks the rule of its type.
pub async fn find(conn: &mut PgConnection, id: OrderId) -> Result<Option<OrderDetails>, sqlx::Error> {
    let row = sqlx::query(
        "select id, customer_id, email, phone, items, total, status, orders.reason, null as payment_token, metadata, created_at, \
                updated_at, step, since, deadline \
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
    Ok(Some(OrderDetails { order: read_order(&row)?, updated_at: row.try_get("updated_at")?, saga, timeline }))
}

async fn timeline(conn: &mut PgConnection, id: OrderId) -> Result<Vec<TimelineEntry>, sqlx::Error> {
    sqlx::query("select at, event, status, step, detail, message_id from order_history where order_id = $1 order by id")
        .bind(id.0)
        .try_map(|row: PgRow| {
            Ok(TimelineEntry {
                at: row.try_get("at")?,
                event: row.try_get("event")?,
                status: row.try_get("status")?,
                step: row.try_get("step")?,
                detail: row.try_get("detail")?,
                message_id: row.try_get("message_id")?,
            })
        })
        .fetch_all(conn)
        .await
}

/// At most `limit` orders below `position`, newest first.
///
/// # Errors
/// When the database is away, or a stored value breaks the rule of its type.
pub async fn page(
    conn: &mut PgConnection,
    status: Option<OrderStatus>,
    position: OrderPosition,
    limit: i64,
) -> Result<Vec<Order>, sqlx::Error> {
    // two statements, not one with "or $1 is null": each follows its own index from the position on
    let query = match status {
        None => sqlx::query(
            "select id, customer_id, email, phone, items, total, status, reason, null as payment_token, metadata, created_at \
             from orders where (created_at, id) < ($1, $2) order by created_at desc, id desc limit $3",
        ),
        Some(_) => sqlx::query(
            "select id, customer_id, email, phone, items, total, status, reason, null as payment_token, metadata, created_at \
             from orders where (created_at, id) < ($1, $2) and status = $4 \
             order by created_at desc, id desc limit $3",
        ),
    };
    let query = query.bind(position.created_at).bind(position.id.0).bind(limit);
    let query = match status {
        None => query,
        Some(status) => query.bind(status.as_str()),
    };
    query.try_map(|row: PgRow| read_order(&row)).fetch_all(conn).await
}
