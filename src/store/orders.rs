//! New orders, with everything that is written beside them: one statement reads what it takes to judge them, one stores all rows. Called
//! by the intake for orders over HTTP and by the order-processor for orders that another AMQP client published.

use std::collections::{HashMap, HashSet};

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::decode::{decode, json};
use super::order_search;
use crate::contract::Outgoing;
use crate::domain::catalogue::{Catalogue, Listing};
use crate::domain::{Money, Order, OrderId, Sku};

/// An idempotency key: whose it is, and the key itself.
pub type ScopedKey<'a> = (&'a str, &'a str);

/// What was answered under a key.
#[derive(Clone, Debug)]
pub struct StoredAnswer {
    /// SHA-256 of the body of the first request.
    pub fingerprint: Vec<u8>,
    pub order_id: OrderId,
    /// The first answer's body, byte for byte.
    pub response: String,
}

/// What is known before orders are judged.
#[derive(Debug, Default)]
pub struct Known {
    /// By scope and key.
    pub answers: HashMap<(String, String), StoredAnswer>,
    pub catalogue: Catalogue,
}

/// Reads the answers under these keys and the listings of these products, in one round trip.
///
/// # Errors
/// When the database is away.
pub async fn look_up(
    conn: &mut PgConnection,
    keys: &[ScopedKey<'_>],
    skus: &HashSet<&Sku>,
) -> Result<Known, sqlx::Error> {
    let rows = sqlx::query(
        "select scope, key, fingerprint, order_id, response::text as response,
                null as sku, null::numeric as price, null::boolean as active
         from idempotency_keys join unnest($1::text[], $2::text[]) as asked (scope, key) using (scope, key)
         union all
         select null, null, null, null, null, sku, price, active from products where sku = any($3)",
    )
    .bind(keys.iter().map(|key| key.0).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| key.1).collect::<Vec<_>>())
    .bind(skus.iter().map(|sku| sku.as_str()).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let mut known = Known::default();
    for row in rows {
        match row.try_get::<Option<String>, _>("sku")? {
            Some(sku) => {
                let listing =
                    Listing { price: decode(Money::new(row.try_get("price")?))?, active: row.try_get("active")? };
                known.catalogue.insert(decode(Sku::parse(sku))?, listing);
            }
            None => {
                let answer = StoredAnswer {
                    fingerprint: row.try_get("fingerprint")?,
                    order_id: OrderId(row.try_get("order_id")?),
                    response: row.try_get("response")?,
                };
                known.answers.insert((row.try_get("scope")?, row.try_get("key")?), answer);
            }
        }
    }
    Ok(known)
}

/// A key to store together with its order.
#[derive(Clone, Copy, Debug)]
pub struct NewAnswer<'a> {
    pub key: ScopedKey<'a>,
    pub fingerprint: &'a [u8],
    pub response: &'a str,
}

/// An order to store.
#[derive(Clone, Copy, Debug)]
pub struct NewOrder<'a> {
    pub order: &'a Order,
    /// Ties together everything that its request causes.
    pub correlation_id: &'a str,
    /// Who placed it, as in `customer:c-7`.
    pub actor: &'a str,
    /// The message that submits the order, or that brought it.
    pub message_id: Uuid,
    pub answer: Option<NewAnswer<'a>>,
    /// For the order-processor, over the outbox; `None` when it has the order already.
    pub message: Option<&'a Outgoing>,
}

/// Nothing is stored where a price is not the product's any more ($22, $23).
///
/// Sorted by key and by id, so that two batches with the same ones wait for each other in one direction only. An order whose key somebody
/// else has stored leaves no row; one that is there already stays as it is. Of an order that is among them twice, the first counts.
/// The history is made from what the insert of the orders returns, so that it draws its ids after that (docs/adr/0011-live-tracking.md).
const STORE: &str = "with new as (
         select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::numeric[], $7::text[], $8::text[],
                              $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::text[], $14::text[], $15::text[],
                              $16::uuid[], $17::text[], $18::text[], $19::bytea[], $20::text[], $21::text[]) with ordinality
             as t (id, customer_id, email, phone, items, total, status, reason, payment_token, metadata, correlation_id,
                   created_at, priority, words, actor, message_id, scope, key, fingerprint, response, message, place)
     ), moved as (
         select null::uuid as id from unnest($22::text[], $23::numeric[]) as priced (sku, price) left join products p using (sku)
         where p.price is distinct from priced.price or not p.active limit 1
     ), claimed as (
         insert into idempotency_keys (scope, key, fingerprint, order_id, response)
         select scope, key, fingerprint, id, response::json from new
         where key is not null and not exists (select from moved) order by scope, key
         on conflict (scope, key) do nothing returning order_id
     ), won as (
         select * from new where not exists (select from moved) and (key is null or id in (select order_id from claimed))
     ), stored as (
         insert into orders (id, customer_id, email, phone, items, total, status, reason, payment_token, metadata,
                             correlation_id, created_at, priority)
         select id, customer_id, email, phone, items::jsonb, total, status, reason, payment_token, metadata::jsonb,
                correlation_id, created_at, priority
         from won order by id
         on conflict (id) do nothing returning id
     ), fresh as (
         select distinct on (id) * from won where id in (select id from stored) order by id, place
     ), told as (
         insert into order_history (order_id, event, status, message_id, actor)
         select id, 'accepted', status, message_id, actor from fresh
     ), by_product as (
         insert into order_skus (sku, created_at, order_id)
         select distinct item ->> 'sku', created_at, id from fresh cross join lateral jsonb_array_elements(items::jsonb) as item
     ), by_word as (
         insert into order_words (order_id, words) select id, array_to_tsvector(string_to_array(words, ' ')) from fresh
     ), sent as (
         insert into outbox (message) select message::json from won where message is not null order by place
     )
     select id from won union all select id from moved";

/// Stores the orders. Returns those that are there now; of the others the key belongs to somebody else. Waits for another process that
/// is storing the same key right now: if that one commits, this one does not get the key.
///
/// # Errors
/// When the database is away or refuses a value.
pub async fn store_all(conn: &mut PgConnection, orders: &[NewOrder<'_>]) -> Result<HashSet<OrderId>, sqlx::Error> {
    Ok(store_if_priced(conn, orders, &Catalogue::new()).await?.unwrap_or_default())
}

/// As [`store_all`], if every product is still sold and has the price that the catalogue says; else nothing is stored and the answer is
/// `None`.
///
/// # Errors
/// As [`store_all`].
pub async fn store_if_priced(
    conn: &mut PgConnection,
    orders: &[NewOrder<'_>],
    catalogue: &Catalogue,
) -> Result<Option<HashSet<OrderId>>, sqlx::Error> {
    if orders.is_empty() {
        return Ok(Some(HashSet::new()));
    }
    let items = orders.iter().map(|new| json(&new.order.items)).collect::<Result<Vec<_>, _>>()?;
    let metadata =
        orders.iter().map(|new| new.order.metadata.as_ref().map(json).transpose()).collect::<Result<Vec<_>, _>>()?;
    let messages = orders.iter().map(|new| new.message.map(json).transpose()).collect::<Result<Vec<_>, _>>()?;
    let stored: Vec<Option<Uuid>> = sqlx::query_scalar(STORE)
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
        .bind(orders.iter().map(|new| order_search::words(new.order)).collect::<Vec<_>>())
        .bind(orders.iter().map(|new| new.actor).collect::<Vec<_>>())
        .bind(orders.iter().map(|new| new.message_id).collect::<Vec<_>>())
        .bind(orders.iter().map(|new| new.answer.map(|answer| answer.key.0)).collect::<Vec<_>>())
        .bind(orders.iter().map(|new| new.answer.map(|answer| answer.key.1)).collect::<Vec<_>>())
        .bind(orders.iter().map(|new| new.answer.map(|answer| answer.fingerprint)).collect::<Vec<_>>())
        .bind(orders.iter().map(|new| new.answer.map(|answer| answer.response)).collect::<Vec<_>>())
        .bind(messages)
        .bind(catalogue.keys().map(Sku::as_str).collect::<Vec<_>>())
        .bind(catalogue.values().map(|listing| listing.price.amount()).collect::<Vec<_>>())
        .fetch_all(conn)
        .await?;
    Ok(stored.into_iter().map(|id| id.map(OrderId)).collect())
}
