//! New orders, the first row of their history, and how they are found. Called by the intake for orders over HTTP and by the
//! order-processor for orders that another AMQP client published.

use std::collections::HashSet;

use sqlx::PgConnection;
use uuid::Uuid;

use super::decode::json;
use super::order_search;
use crate::domain::{Order, OrderId, OrderStatus};

/// An order to store, with the id that ties together everything its request causes.
#[derive(Clone, Copy, Debug)]
pub struct NewOrder<'a> {
    pub order: &'a Order,
    pub correlation_id: &'a str,
    /// Who placed it, as in `customer:c-7`.
    pub actor: &'a str,
    /// The message that brings it to the order-processor, or brought it.
    pub message_id: Uuid,
}

/// Stores the orders that are not there yet, each with the row `accepted` in its history, and returns their ids; the others stay as
/// they are.
///
/// # Errors
/// When the database is away or refuses a value.
pub async fn insert_all(conn: &mut PgConnection, orders: &[NewOrder<'_>]) -> Result<Vec<OrderId>, sqlx::Error> {
    let inserted = insert(conn, orders).await?;
    // an order may be among them twice: the first counts
    let mut fresh: HashSet<OrderId> = inserted.iter().copied().collect();
    let new: Vec<NewOrder<'_>> = orders.iter().filter(|new| fresh.remove(&new.order.id)).copied().collect();
    record_accepted(conn, &new).await?;
    order_search::add_all(conn, &new.iter().map(|new| new.order).collect::<Vec<_>>()).await?;
    Ok(inserted)
}

async fn insert(conn: &mut PgConnection, orders: &[NewOrder<'_>]) -> Result<Vec<OrderId>, sqlx::Error> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let items = orders.iter().map(|new| json(&new.order.items)).collect::<Result<Vec<_>, _>>()?;
    let metadata =
        orders.iter().map(|new| new.order.metadata.as_ref().map(json).transpose()).collect::<Result<Vec<_>, _>>()?;
    // sorted by id, so that two batches with the same orders wait for each other instead of locking each other out
    let inserted: Vec<Uuid> = sqlx::query_scalar(
        "insert into orders (id, customer_id, email, phone, items, total, status, reason, payment_token, metadata, \
                             correlation_id, created_at, priority) \
         select id, customer_id, email, phone, items::jsonb, total, status, reason, payment_token, metadata::jsonb, \
                correlation_id, created_at, priority \
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::numeric[], $7::text[], $8::text[], \
                     $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::text[]) \
              as new (id, customer_id, email, phone, items, total, status, reason, payment_token, metadata, \
                      correlation_id, created_at, priority) \
         order by id \
         on conflict (id) do nothing \
         returning id",
    )
    .bind(orders.iter().map(|new| new.order.id.0).collect::<Vec<_>>())
    .bind(orders.iter().map(|new| new.order.customer_id.as_str()).collect::<Vec<_>>())
    .bind(orders.iter().map(|new| new.order.email.as_str()).collect::<Vec<_>>())
    .bind(orders.iter().map(|new| new.order.phone.as_ref().map(|phone| phone.as_str())).collect::<Vec<_>>())
    .bind(items)
    .bind(orders.iter().map(|new| new.order.total.amount()).collect::<Vec<_>>())
    .bind(orders.iter().map(|new| new.order.status.as_str()).collect::<Vec<_>>())
    .bind(orders.iter().map(|new| new.order.reason.as_deref()).collect::<Vec<_>>())
    .bind(orders.iter().map(|new| new.order.payment_token.as_deref()).collect::<Vec<_>>())
    .bind(metadata)
    .bind(orders.iter().map(|new| new.correlation_id).collect::<Vec<_>>())
    .bind(orders.iter().map(|new| new.order.created_at).collect::<Vec<_>>())
    .bind(orders.iter().map(|new| new.order.priority.as_str()).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    Ok(inserted.into_iter().map(OrderId).collect())
}

/// The first event of every history.
const ACCEPTED: &str = "accepted";

async fn record_accepted(conn: &mut PgConnection, orders: &[NewOrder<'_>]) -> Result<(), sqlx::Error> {
    if orders.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into order_history (order_id, event, status, message_id, actor) \
         select order_id, $4, $5, message_id, actor \
         from unnest($1::uuid[], $2::uuid[], $3::text[]) as new (order_id, message_id, actor)",
    )
    .bind(orders.iter().map(|new| new.order.id.0).collect::<Vec<_>>())
    .bind(orders.iter().map(|new| new.message_id).collect::<Vec<_>>())
    .bind(orders.iter().map(|new| new.actor).collect::<Vec<_>>())
    .bind(ACCEPTED)
    .bind(OrderStatus::Pending.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// Which of these orders are there.
///
/// # Errors
/// When the database is away.
pub async fn known(conn: &mut PgConnection, orders: &[OrderId]) -> Result<HashSet<OrderId>, sqlx::Error> {
    let orders: Vec<Uuid> = orders.iter().map(|id| id.0).collect();
    let known: Vec<Uuid> =
        sqlx::query_scalar("select id from orders where id = any($1)").bind(&orders).fetch_all(conn).await?;
    Ok(known.into_iter().map(OrderId).collect())
}
