//! What must hold at the end of the demonstration. Judged by [`super::run`], shown by [`super::report`].

use super::catalogue::{FALLING_LOW, FORGOTTEN, NewProduct, at_start};
use super::facts::{Facts, Story};
use super::orders::{ALL, BY_AMQP, BY_FLAGS, BY_HTTP, BY_ROWS, FAILING};
use super::screen::seconds;
use crate::domain::notification::Channel;
use crate::domain::{OrderId, OrderStatus};
use crate::topology::TopologyArgs;

/// One expectation and what was found.
pub struct Check {
    pub claim: String,
    pub expected: String,
    pub found: String,
    pub holds: bool,
}

impl Check {
    /// Holds when both say the same.
    pub fn same(claim: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        let (expected, found) = (expected.to_string(), found.to_string());
        Self { claim: claim.into(), holds: expected == found, expected, found }
    }
}

/// Every expectation about what was found while the fleet ran.
pub fn judge(story: &Story, facts: &Facts) -> Vec<Check> {
    let mut checks = vec![Check::same(
        "setup can run again: the second run finds everything there",
        "nothing was missing",
        if story.second_setup.contains("nothing was missing") { "nothing was missing" } else { &story.second_setup },
    )];
    checks.extend(orders(story, facts));
    checks.extend(dead_letters(story, facts));
    checks.extend(notifications(facts));
    checks.extend(events(facts));
    checks.extend(stock(facts));
    checks
}

fn orders(story: &Story, facts: &Facts) -> Vec<Check> {
    let count = |status| facts.orders.iter().filter(|order| order.status == status).count();
    let (confirmed, failed) = (count(OrderStatus::Confirmed), count(OrderStatus::Failed));
    let known = |ids: &[OrderId]| ids.iter().filter(|id| facts.order(**id).is_some()).count();
    let by_amqp = [story.by_amqp.by_command, story.by_amqp.by_foreign_program];
    let ladder: std::time::Duration = TopologyArgs::default().retry_delays.iter().take(2).sum();
    let climbed = facts.retried_took.is_some_and(|took| took >= ladder);
    vec![
        Check::same(
            "every order that was sent is known: by HTTP, by the CLI, over AMQP",
            format!("{BY_HTTP}, {}, {BY_AMQP}", BY_FLAGS + BY_ROWS),
            format!("{}, {}, {}", known(&story.by_http), known(&story.by_command_line), known(&by_amqp)),
        ),
        Check::same(
            "each of them is settled, and exactly two have failed",
            format!("{} confirmed, {FAILING} failed, 0 others", ALL - FAILING),
            format!("{confirmed} confirmed, {failed} failed, {} others", facts.orders.len() - confirmed - failed),
        ),
        Check::same(
            "the order for more units than there are fails",
            "failed (out_of_stock)",
            facts.status(story.out_of_stock),
        ),
        Check::same(
            "the order whose payment is declined fails",
            "failed (payment_declined)",
            facts.status(story.declined),
        ),
        Check {
            claim: "the order whose payment erred twice is confirmed by way of the ladder".to_owned(),
            expected: format!("confirmed after 2 retries and at least {} s", ladder.as_secs()),
            found: format!(
                "{} after {} retries and {}",
                facts.status(story.retried),
                facts.payment_retries,
                facts.retried_took.map_or_else(|| "an unknown time".to_owned(), seconds)
            ),
            holds: facts.status(story.retried) == "confirmed" && facts.payment_retries == 2 && climbed,
        },
        Check::same(
            "orders over AMQP end like any other, the foreign program's too",
            "confirmed, confirmed",
            by_amqp.map(|id| facts.status(id)).join(", "),
        ),
    ]
}

fn dead_letters(story: &Story, facts: &Facts) -> Vec<Check> {
    let about = |reason: &str| match facts.letter(reason) {
        None => format!("no dead letter {reason}"),
        Some(letter) => format!("{}, {} replay(s), {} failure(s)", letter.state, letter.replays, letter.failures),
    };
    vec![
        Check::same(
            "the operator could list and replay the dead letters",
            "no trouble",
            story.trouble.as_deref().unwrap_or("no trouble"),
        ),
        Check::same("exactly two messages could not be processed", 2, facts.letters.len()),
        Check::same(
            "the poison message was replayed unrepaired, and is dead again",
            "unresolved, 1 replay(s), 2 failure(s)",
            about("bad_message"),
        ),
        Check::same(
            "the order of an unknown product was replayed after the product came",
            "resolved, 1 replay(s), 1 failure(s)",
            about("refused"),
        ),
        Check::same("and that order is confirmed", "confirmed", facts.status(story.by_amqp.too_early)),
    ]
}

fn notifications(facts: &Facts) -> Vec<Check> {
    // Of each settled order: one e-mail and one push message. Nothing is shipped, so there is nothing for SMS.
    let wanted = |channel| match channel {
        Channel::Email | Channel::Push => ALL,
        Channel::Sms => 0,
    };
    let check = |(channel, files): &(Channel, usize)| {
        let (channel, wanted) = (*channel, wanted(*channel));
        Check::same(
            format!("{}: one per settled order that it concerns, in the log and as files", channel.as_str()),
            format!("{wanted} logged, {wanted} files"),
            format!("{} logged, {files} files", facts.delivered(channel)),
        )
    };
    facts.files.iter().map(check).collect()
}

fn events(facts: &Facts) -> Vec<Check> {
    let totals = &facts.statistics.totals;
    // order.created and one of order.confirmed and order.failed, and stock.low
    let all = 2 * i64::try_from(ALL).unwrap_or_default() + FALLING_LOW;
    vec![
        Check::same("every event was recorded once", all, facts.statistics.events_recorded),
        Check::same(
            "the statistics count every order once",
            format!("{ALL} created, {} confirmed, {FAILING} failed", ALL - FAILING),
            format!("{} created, {} confirmed, {} failed", totals.created, totals.confirmed, totals.failed),
        ),
        Check::same(
            "the revenue is the sum of the confirmed orders, to the cent",
            facts.turnover().map_or_else(|| "a sum".to_owned(), |sum| sum.to_string()),
            totals.revenue,
        ),
    ]
}

fn stock(facts: &Facts) -> Vec<Check> {
    let all: Vec<NewProduct> = at_start().chain([FORGOTTEN]).collect();
    let wrong: Vec<String> = all.iter().filter_map(|product| imbalance(product, facts)).collect();
    let reserved: i64 = facts.products.iter().map(|product| product.reserved).sum();
    vec![
        Check::same(
            format!("stock is conserved: before = available + reserved + sold, {} products", all.len()),
            "no difference",
            if wrong.is_empty() { "no difference".to_owned() } else { wrong.join("; ") },
        ),
        Check::same("nothing stays reserved", "0 units", format!("{reserved} units")),
    ]
}

fn imbalance(product: &NewProduct, facts: &Facts) -> Option<String> {
    let Some(now) = facts.products.iter().find(|now| now.sku == product.sku) else {
        return Some(format!("{} is gone", product.sku));
    };
    let (left, sold) = (now.available + now.reserved, facts.sold(product.sku));
    let conserved = product.stock == left + sold && now.on_hand == left;
    (!conserved).then(|| format!("{}: {} before, {left} left and {sold} sold", product.sku, product.stock))
}
