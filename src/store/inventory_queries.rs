//! Stock as people look at it: reservations, the ledger, sums, and how a shelf was at some time. Called by the HTTP API; writes nothing.

use serde::Serialize;
use serde_json::json;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::decode::{decode, json_column};
use crate::domain::inventory::{Line, ReservationStatus, movement_kinds};
use crate::domain::{Money, OrderId, Sku};

/// One order's stock.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(examples(json!({
    "order_id": "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90", "status": "reserved", "items": [{"sku": "GADGET-01", "quantity": 2}],
    "created_at": "2026-11-21T01:52:27.802333Z", "updated_at": "2026-11-21T01:52:27.802333Z"
})))]
pub struct ReservationView {
    pub order_id: OrderId,
    /// `reserved`, `committed` (sold), `released`, `rejected` or `returned` (sold and come back).
    pub status: String,
    pub items: Vec<Line>,
    /// Products that fell short.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shortages: Vec<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// Which reservations a list is of; `None` is any.
#[derive(Clone, Debug, Default)]
pub struct ReservationFilter {
    pub status: Option<ReservationStatus>,
    pub sku: Option<Sku>,
    pub order: Option<OrderId>,
}

/// At most `limit` reservations below the order `before`, in falling order of the orders' ids, which is the newest first for orders
/// over HTTP.
///
/// # Errors
/// Any database error.
pub async fn reservations(
    db: &mut PgConnection,
    filter: &ReservationFilter,
    before: OrderId,
    limit: i64,
) -> Result<Vec<ReservationView>, sqlx::Error> {
    // two statements, so that the few that are open are found by their own index
    let query = match filter.status {
        Some(ReservationStatus::Reserved) => sqlx::query(
            "select order_id, status, lines::text as lines, shortages, created_at, updated_at from reservations
             where status = 'reserved' and ($1::text is null or status = $1) and ($2::jsonb is null or lines @> $2)
               and ($3::uuid is null or order_id = $3) and order_id < $4
             order by order_id desc limit $5",
        ),
        None
        | Some(
            ReservationStatus::Committed
            | ReservationStatus::Released
            | ReservationStatus::Rejected
            | ReservationStatus::Returned,
        ) => sqlx::query(
            "select order_id, status, lines::text as lines, shortages, created_at, updated_at from reservations
                 where ($1::text is null or status = $1) and ($2::jsonb is null or lines @> $2)
                   and ($3::uuid is null or order_id = $3) and order_id < $4
                 order by order_id desc limit $5",
        ),
    };
    query
        .bind(filter.status.map(ReservationStatus::as_str))
        .bind(filter.sku.as_ref().map(|sku| json!([{ "sku": sku }])))
        .bind(filter.order.map(|order| order.0))
        .bind(before.0)
        .bind(limit)
        .try_map(|row: PgRow| {
            Ok(ReservationView {
                order_id: OrderId(row.try_get("order_id")?),
                status: row.try_get("status")?,
                items: json_column(&row, "lines")?.unwrap_or_default(),
                shortages: row.try_get("shortages")?,
                created_at: row.try_get("created_at")?,
                updated_at: row.try_get("updated_at")?,
            })
        })
        .fetch_all(db)
        .await
}

/// One row of the ledger.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(examples(json!({
    "id": 4711, "at": "2026-11-21T01:52:27.802333Z", "sku": "GADGET-01", "kind": "adjust", "quantity": 25, "order_id": null,
    "reason": "delivery 4711", "actor": "operator:anna"
})))]
pub struct TransactionView {
    pub id: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    pub sku: String,
    /// `initial`, `adjust`, or what an order did: `reserve`, `release`, `commit`, `return`.
    pub kind: String,
    /// Units; negative only for `adjust`.
    pub quantity: i64,
    pub order_id: Option<Uuid>,
    pub reason: Option<String>,
    pub actor: Option<String>,
}

/// Which rows of the ledger a list is of; `None` is any.
#[derive(Clone, Debug, Default)]
pub struct TransactionFilter {
    pub sku: Option<Sku>,
    pub kind: Option<&'static str>,
    pub order: Option<OrderId>,
}

/// The name of a kind of movement, if there is such a kind.
pub fn kind_named(text: &str) -> Option<&'static str> {
    movement_kinds().map(|(kind, _)| kind).find(|kind| *kind == text)
}

/// At most `limit` movements with an id below `before`, newest first.
///
/// # Errors
/// Any database error.
pub async fn transactions(
    db: &mut PgConnection,
    filter: &TransactionFilter,
    before: i64,
    limit: i64,
) -> Result<Vec<TransactionView>, sqlx::Error> {
    // An order's movements were written together with its reservation, so the time of that leads to them: the ledger has an index by
    // time, and none by order, which would cost every order a write.
    let query = match filter.order {
        Some(_) => sqlx::query(
            "select m.id, m.at, m.sku, m.kind, m.quantity, m.order_id, m.reason, m.actor
             from reservations r join stock_movements m on m.order_id = r.order_id and m.at between r.created_at and r.updated_at
             where r.order_id = $3 and ($1::text is null or m.sku = $1) and ($2::text is null or m.kind = $2) and m.id < $4
             order by m.id desc limit $5",
        ),
        None => sqlx::query(
            "select id, at, sku, kind, quantity, order_id, reason, actor from stock_movements
             where ($1::text is null or sku = $1) and ($2::text is null or kind = $2) and $3::uuid is null and id < $4
             order by id desc limit $5",
        ),
    };
    query
        .bind(filter.sku.as_ref().map(Sku::as_str))
        .bind(filter.kind)
        .bind(filter.order.map(|order| order.0))
        .bind(before)
        .bind(limit)
        .try_map(|row: PgRow| {
            Ok(TransactionView {
                id: row.try_get("id")?,
                at: row.try_get("at")?,
                sku: row.try_get("sku")?,
                kind: row.try_get("kind")?,
                quantity: row.try_get("quantity")?,
                order_id: row.try_get("order_id")?,
                reason: row.try_get("reason")?,
                actor: row.try_get("actor")?,
            })
        })
        .fetch_all(db)
        .await
}

/// Stock of the whole shop.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(examples(json!({
    "products": 12, "active": 11, "on_hand": 940, "reserved": 6, "available": 934, "value": "18790.60", "low_stock": 2,
    "out_of_stock": 1, "open_reservations": 4
})))]
pub struct InventorySummary {
    pub products: i64,
    /// Products that are sold.
    pub active: i64,
    /// Units.
    pub on_hand: i64,
    pub reserved: i64,
    pub available: i64,
    /// What is on hand at today's prices; as decimal text, since it may exceed any single amount.
    pub value: String,
    /// Sold products at or below their threshold, those out of stock included.
    pub low_stock: i64,
    /// Sold products with nothing available.
    pub out_of_stock: i64,
    pub open_reservations: i64,
}

/// # Errors
/// Any database error.
pub async fn summary(db: &mut PgConnection) -> Result<InventorySummary, sqlx::Error> {
    let row = sqlx::query(
        "select count(*) as products, count(*) filter (where active) as active,
                coalesce(sum(on_hand), 0)::bigint as on_hand, coalesce(sum(reserved), 0)::bigint as reserved,
                coalesce(sum(on_hand * price), 0)::text as value,
                count(*) filter (where active and on_hand - reserved <= low_stock_threshold) as low_stock,
                count(*) filter (where active and on_hand <= reserved) as out_of_stock,
                (select count(*) from reservations where status = 'reserved') as open_reservations
         from products join stock using (sku)",
    )
    .fetch_one(db)
    .await?;
    let (on_hand, reserved): (i64, i64) = (row.try_get("on_hand")?, row.try_get("reserved")?);
    Ok(InventorySummary {
        products: row.try_get("products")?,
        active: row.try_get("active")?,
        on_hand,
        reserved,
        available: on_hand - reserved,
        value: row.try_get("value")?,
        low_stock: row.try_get("low_stock")?,
        out_of_stock: row.try_get("out_of_stock")?,
        open_reservations: row.try_get("open_reservations")?,
    })
}

/// A shelf as it was.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(examples(json!({
    "sku": "GADGET-01", "at": "2026-11-21T12:00:00Z", "on_hand": 100, "reserved": 2, "available": 98, "price": 19.99,
    "changed_at": "2026-11-21T01:52:27.802333Z"
})))]
pub struct StockView {
    pub sku: Sku,
    /// The time that was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    pub on_hand: i64,
    pub reserved: i64,
    pub available: i64,
    /// What one unit cost then; `null` before the history of prices begins.
    pub price: Option<Money>,
    /// The last movement until then.
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
}

/// The shelf after the last movement until `at`; `None` when there was none, or there is no such product.
///
/// Counted back from the present: the shelf as it is, without the movements since. Movements are numbered under the lock of their
/// shelf, so every prefix of the ledger is a state that the shelf was in.
///
/// # Errors
/// Any database error.
pub async fn stock_at(db: &mut PgConnection, sku: &Sku, at: OffsetDateTime) -> Result<Option<StockView>, sqlx::Error> {
    let row = sqlx::query(
        "with rule as (select * from unnest($3::text[], $4::bigint[], $5::bigint[]) as r (kind, on_hand, reserved))
         select s.on_hand - since.on_hand as on_hand, s.reserved - since.reserved as reserved, last.at as changed_at,
                (select price from product_prices where sku = $1 and valid_from <= $2 order by id desc limit 1) as price
         from stock s
         cross join lateral (
             select id, at from stock_movements where sku = s.sku and at <= $2 order by id desc limit 1) last
         cross join lateral (
             select coalesce(sum(m.quantity * r.on_hand), 0)::bigint as on_hand,
                    coalesce(sum(m.quantity * r.reserved), 0)::bigint as reserved
             from stock_movements m join rule r on r.kind = m.kind where m.sku = s.sku and m.id > last.id) since
         where s.sku = $1",
    )
    .bind(sku.as_str())
    .bind(at)
    .bind(movement_kinds().map(|(kind, _)| kind).collect::<Vec<_>>())
    .bind(movement_kinds().map(|(_, (on_hand, _))| on_hand).collect::<Vec<_>>())
    .bind(movement_kinds().map(|(_, (_, reserved))| reserved).collect::<Vec<_>>())
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let (on_hand, reserved): (i64, i64) = (row.try_get("on_hand")?, row.try_get("reserved")?);
        Ok(StockView {
            sku: sku.clone(),
            at,
            on_hand,
            reserved,
            available: on_hand - reserved,
            price: row.try_get::<Option<_>, _>("price")?.map(|price| decode(Money::new(price))).transpose()?,
            changed_at: row.try_get("changed_at")?,
        })
    })
    .transpose()
}
