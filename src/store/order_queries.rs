//! Reading orders for people: one with its timeline, or pages of them, newest first. Called by the HTTP API; writes nothing.

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use time::OffsetDateTime;
use time::macros::datetime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::order_row::read_order;
use crate::domain::{CustomerId, Order, OrderId, OrderStatus};

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

/// Whose order this is.
///
/// # Errors
/// When the database is away, or a stored value breaks the rule of its type.
pub async fn owner(conn: &mut PgConnection, id: OrderId) -> Result<Option<CustomerId>, sqlx::Error> {
    let owner: Option<String> =
        sqlx::query_scalar("select customer_id from orders where id = $1").bind(id.0).fetch_optional(conn).await?;
    owner.map(CustomerId::parse).transpose().map_err(|error| sqlx::Error::Decode(error.into()))
}

/// At most `limit` orders below `position`, newest first.
///
/// # Errors
/// When the database is away, or a stored value breaks the rule of its type.
pub async fn page(
    conn: &mut PgConnection,
    customer: Option<&CustomerId>,
    status: Option<OrderStatus>,
    position: OrderPosition,
    limit: i64,
) -> Result<Vec<Order>, sqlx::Error> {
    // a text of its own for each choice of filters, not "or $1 is null": each follows its own index from the position on
    let mut query = QueryBuilder::<Postgres>::new(
        "select id, customer_id, email, phone, items, total, status, reason, null as payment_token, metadata, created_at \
         from orders where (created_at, id) < (",
    );
    query.push_bind(position.created_at).push(", ").push_bind(position.id.0).push(")");
    if let Some(customer) = customer {
        query.push(" and customer_id = ").push_bind(customer.as_str());
    }
    if let Some(status) = status {
        query.push(" and status = ").push_bind(status.as_str());
    }
    query.push(" order by created_at desc, id desc limit ").push_bind(limit);
    query.build().try_map(|row: PgRow| read_order(&row)).fetch_all(conn).await
}
