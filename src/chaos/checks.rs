//! Compares three books that know nothing of each other: the load generator's, the fleet's database, and the outside world's. Called
//! by [`super::run`] when nothing moves any more.

use std::collections::{BTreeMap, HashMap};

use sqlx::PgPool;
use uuid::Uuid;

use super::book::Way;
use super::outside::{Outside, Received};
use super::shop::Product;
use super::violation::Violation;
use crate::domain::OrderId;
use crate::domain::notification::Kind;

/// How one order ended, by the database.
struct Ended {
    status: String,
    cents: u64,
}

/// What was found.
#[derive(Default)]
pub struct Findings {
    pub by_status: BTreeMap<String, usize>,
    pub by_reason: BTreeMap<String, i64>,
    pub received: Received,
    pub charge_repeats: u64,
    pub violations: Vec<Violation>,
}

/// # Errors
/// When the database cannot be asked.
pub async fn check(
    db: &PgPool,
    accepted: &HashMap<Uuid, Way>,
    products: &[Product],
    outside: &Outside,
) -> anyhow::Result<Findings> {
    let orders = orders(db).await?;
    let mut findings = Findings { received: outside.received(), ..Findings::default() };
    for order in orders.values() {
        *findings.by_status.entry(order.status.clone()).or_default() += 1;
    }
    let reasons = "select coalesce(reason, 'none'), count(*) from orders where status = 'failed' group by 1";
    findings.by_reason = sqlx::query_as::<_, (String, i64)>(reasons).fetch_all(db).await?.into_iter().collect();
    let violations = &mut findings.violations;
    lost_and_unknown(&orders, accepted, violations);
    money(&orders, outside, violations, &mut findings.charge_repeats);
    notifications(&orders, &findings.received, violations);
    stock(db, products, violations).await?;
    Ok(findings)
}

async fn orders(db: &PgPool) -> anyhow::Result<HashMap<Uuid, Ended>> {
    let rows: Vec<(Uuid, String, i64)> =
        sqlx::query_as("select id, status, (total * 100)::bigint from orders").fetch_all(db).await?;
    Ok(rows
        .into_iter()
        .map(|(id, status, cents)| (id, Ended { status, cents: u64::try_from(cents).unwrap_or_default() }))
        .collect())
}

/// Every accepted order is there and final; nobody made an order twice.
fn lost_and_unknown(orders: &HashMap<Uuid, Ended>, accepted: &HashMap<Uuid, Way>, violations: &mut Vec<Violation>) {
    let missing = ids(accepted.keys().filter(|id| !orders.contains_key(id)));
    complain(violations, "no order is lost", "accepted and not in the database", missing);
    let is_final = |status: &str| matches!(status, "confirmed" | "failed" | "cancelled" | "shipped" | "delivered");
    let open = ids(orders.iter().filter(|(_, order)| !is_final(&order.status)).map(|(id, _)| id));
    complain(violations, "every order ends", "not in a final status", open);
    let unknown = ids(orders.keys().filter(|id| !accepted.contains_key(id)));
    complain(violations, "no order is made twice", "in the database and nobody was told of it", unknown);
}

/// The gateway holds exactly the totals of the confirmed orders.
fn money(orders: &HashMap<Uuid, Ended>, outside: &Outside, violations: &mut Vec<Violation>, repeats: &mut u64) {
    let holdings = outside.money();
    *repeats = holdings.values().map(|holding| holding.repeats).sum();
    let twice = ids(holdings.iter().filter(|(_, holding)| holding.charges > 1).map(|(key, _)| key));
    complain(violations, "nobody is charged twice", "charged more than once under one key", twice);
    let mut charges_of: HashMap<&str, u64> = HashMap::new();
    for holding in holdings.values().filter(|holding| holding.charges > 0) {
        *charges_of.entry(&holding.order_id).or_default() += holding.charges;
    }
    let twice = charges_of.iter().filter(|(_, charges)| **charges > 1).map(|(order, _)| (*order).to_owned()).collect();
    complain(violations, "nobody is charged twice", "charged under several keys", twice);
    let mut wrong = Vec::new();
    for (id, order) in orders {
        let held = holdings.get(id).map_or(0, |holding| holding.held());
        let due = if matches!(order.status.as_str(), "confirmed" | "shipped" | "delivered") { order.cents } else { 0 };
        if held != due {
            wrong.push(format!("{id} ({}, due {due}, held {held} cents)", order.status));
        }
    }
    complain(violations, "the money held is that of the confirmed orders", "differs", wrong);
    let strangers = holdings.iter().filter(|(key, holding)| holding.held() > 0 && !orders.contains_key(key));
    complain(violations, "nobody pays for nothing", "money held without an order", ids(strangers.map(|(key, _)| key)));
}

/// Each order's end was mailed and pushed.
fn notifications(orders: &HashMap<Uuid, Ended>, received: &Received, violations: &mut Vec<Violation>) {
    let (mut unmailed, mut unpushed, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for (id, order) in orders {
        let (kind, untrue): (Kind, &[Kind]) = match order.status.as_str() {
            "confirmed" | "shipped" | "delivered" => {
                (Kind::OrderConfirmation, &[Kind::OrderFailed, Kind::OrderCancelled, Kind::OrderRefunded])
            }
            "failed" => (Kind::OrderFailed, &[Kind::OrderConfirmation, Kind::OrderCancelled]),
            // it may have been confirmed before
            "cancelled" => (Kind::OrderCancelled, &[Kind::OrderFailed]),
            _ => continue,
        };
        let mailed = |kind: Kind| received.mails.contains(&OrderId(*id).message_id(kind.as_str()).to_string());
        if !mailed(kind) {
            unmailed.push(id.to_string());
        }
        if untrue.iter().any(|kind| mailed(*kind)) {
            wrong.push(id.to_string());
        }
        if !received.pushes.contains(&(id.to_string(), kind.as_str().to_owned())) {
            unpushed.push(id.to_string());
        }
    }
    complain(violations, "no notification is lost", "no mail", unmailed);
    complain(violations, "no notification is lost", "no push message", unpushed);
    complain(violations, "customers are told the truth", "mailed the opposite of how the order ended", wrong);
}

/// What is gone from the shelves is what the confirmed orders took.
async fn stock(db: &PgPool, products: &[Product], violations: &mut Vec<Violation>) -> anyhow::Result<()> {
    let sold: HashMap<String, i64> = sqlx::query_as::<_, (String, i64)>(
        "select line->>'sku', sum((line->>'quantity')::bigint)::bigint from orders, jsonb_array_elements(items) as line
         where status in ('confirmed', 'shipped', 'delivered') group by 1",
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .collect();
    let shelves: Vec<(String, i64, i64)> =
        sqlx::query_as("select sku, on_hand, reserved from stock").fetch_all(db).await?;
    let mut wrong = Vec::new();
    for (sku, on_hand, reserved) in shelves {
        let initial = products.iter().find(|product| product.sku == sku).map_or(0, |product| product.stock);
        let sold = sold.get(&sku).copied().unwrap_or_default();
        if on_hand != initial - sold || reserved != 0 || on_hand < 0 {
            wrong.push(format!("{sku} (initial {initial}, sold {sold}, on hand {on_hand}, reserved {reserved})"));
        }
    }
    complain(violations, "the stock is what was not sold", "differs", wrong);
    Ok(())
}

fn complain(violations: &mut Vec<Violation>, promise: &'static str, found: &str, mut ids: Vec<String>) {
    if !ids.is_empty() {
        ids.sort();
        violations.push(Violation::new(promise, format!("{} {found}", ids.len()), ids));
    }
}

fn ids<'a>(ids: impl Iterator<Item = &'a Uuid>) -> Vec<String> {
    ids.map(Uuid::to_string).collect()
}
