//! One row of `orders` as a domain value. The statement selects the columns by these names.

use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::types::Json;

use super::decode::decode;
use crate::domain::{CustomerId, Email, Item, Money, Order, OrderId, Phone, Shipment};

/// # Errors
/// [`sqlx::Error::Decode`] when a stored value breaks the rule of its type.
pub fn read_order(row: &PgRow) -> Result<Order, sqlx::Error> {
    let phone: Option<String> = row.try_get("phone")?;
    let metadata: Option<Json<serde_json::Map<String, serde_json::Value>>> = row.try_get("metadata")?;
    Ok(Order {
        id: OrderId(row.try_get("id")?),
        customer_id: decode(CustomerId::parse(row.try_get::<String, _>("customer_id")?))?,
        email: decode(Email::parse(row.try_get::<String, _>("email")?))?,
        phone: phone.map(|phone| decode(Phone::parse(phone))).transpose()?,
        items: row.try_get::<Json<Vec<Item>>, _>("items")?.0,
        total: decode(Money::new(row.try_get("total")?))?,
        status: decode(row.try_get::<&str, _>("status")?.parse())?,
        created_at: row.try_get("created_at")?,
        priority: decode(row.try_get::<&str, _>("priority")?.parse())?,
        confirmed_at: row.try_get("confirmed_at")?,
        shipment: row.try_get::<Option<Json<Shipment>>, _>("shipment")?.map(|json| json.0),
        delivered_at: row.try_get("delivered_at")?,
        reason: row.try_get("reason")?,
        payment_token: row.try_get("payment_token")?,
        metadata: metadata.map(|json| json.0),
    })
}
