//! The record of each order's payment. Written by the payment-service, and by the intake when the gateway tells a result later. What
//! surrounds it (calls, refunds asked for, webhooks) is in `payment_book`.

use std::collections::HashMap;

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::domain::payment::PaymentStatus;
use crate::domain::{CustomerId, Money, OrderId};

/// One payment as it is stored.
#[derive(Clone, Debug)]
pub struct Payment {
    pub order_id: OrderId,
    pub customer_id: Option<CustomerId>,
    pub amount: Option<Money>,
    pub status: PaymentStatus,
    pub reference: Option<String>,
    pub decline_code: Option<String>,
}

/// What is remembered of a payment; customer and amount never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub status: PaymentStatus,
    pub reference: Option<String>,
    pub decline_code: Option<String>,
}

/// Reads the payments without locking: what the outside calls are decided by.
///
/// # Errors
/// Any database error.
pub async fn find(db: &mut PgConnection, orders: &[OrderId]) -> Result<HashMap<OrderId, Remembered>, sqlx::Error> {
    let orders: Vec<Uuid> = orders.iter().map(|order| order.0).collect();
    let rows = sqlx::query("select order_id, status, reference, decline_code from payments where order_id = any($1)")
        .bind(&orders)
        .fetch_all(db)
        .await?;
    rows.iter().map(remembered).collect()
}

/// Reads and locks the payments.
///
/// # Errors
/// Any database error.
pub async fn lock(db: &mut PgConnection, orders: &[OrderId]) -> Result<HashMap<OrderId, Remembered>, sqlx::Error> {
    let orders: Vec<Uuid> = orders.iter().map(|order| order.0).collect();
    let rows = sqlx::query(
        "select order_id, status, reference, decline_code from payments where order_id = any($1)
         order by order_id for update",
    )
    .bind(&orders)
    .fetch_all(db)
    .await?;
    rows.iter().map(remembered).collect()
}

fn remembered(row: &sqlx::postgres::PgRow) -> Result<(OrderId, Remembered), sqlx::Error> {
    let status: &str = row.try_get("status")?;
    let status =
        PaymentStatus::parse(status).ok_or_else(|| sqlx::Error::Decode(format!("payment status {status}").into()))?;
    let remembered =
        Remembered { status, reference: row.try_get("reference")?, decline_code: row.try_get("decline_code")? };
    Ok((OrderId(row.try_get("order_id")?), remembered))
}

/// Updates payments that are locked by this transaction; customer and amount stay as they are unless they were unknown.
///
/// # Errors
/// Any database error.
pub async fn update(db: &mut PgConnection, payments: &[Payment]) -> Result<(), sqlx::Error> {
    if payments.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "update payments p
         set status = t.status, reference = coalesce(t.reference, p.reference), decline_code = t.decline_code,
             customer_id = coalesce(p.customer_id, t.customer_id), amount = coalesce(p.amount, t.amount), updated_at = now()
         from unnest($1::uuid[], $2::text[], $3::numeric[], $4::text[], $5::text[], $6::text[])
             as t (order_id, customer_id, amount, status, reference, decline_code)
         where p.order_id = t.order_id",
    )
    .bind(payments.iter().map(|p| p.order_id.0).collect::<Vec<_>>())
    .bind(payments.iter().map(|p| p.customer_id.as_ref().map(CustomerId::as_str)).collect::<Vec<_>>())
    .bind(payments.iter().map(|p| p.amount.map(Money::amount)).collect::<Vec<_>>())
    .bind(payments.iter().map(|p| p.status.as_str()).collect::<Vec<_>>())
    .bind(payments.iter().map(|p| p.reference.as_deref()).collect::<Vec<_>>())
    .bind(payments.iter().map(|p| p.decline_code.as_deref()).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}
