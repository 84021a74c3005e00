//! The tables at the end. Called by [`super::run`].

use comfy_table::{Cell, Color};

use super::catalogue::{FORGOTTEN, at_start};
use super::expectations::Check;
use super::facts::Facts;
use super::screen::{Screen, number, shortened};
use super::watch::counts;
use crate::domain::OrderStatus;
use crate::domain::notification::Channel;

/// Room for an error in a table of 100 columns.
const ERROR: usize = 32;

pub fn tables(screen: &Screen, facts: &Facts) {
    orders(screen, facts);
    stock(screen, facts);
    notifications(screen, facts);
    dead_letters(screen, facts);
}

fn orders(screen: &Screen, facts: &Facts) {
    let mut table = screen.table("Orders by final status", &["status", "orders", "sum", "why"]);
    for (status, count) in counts(&facts.orders) {
        let of_status = || facts.orders.iter().filter(move |order| order.status == status);
        let sum = of_status().try_fold(crate::domain::Money::ZERO, |sum, order| sum.plus(order.total));
        let mut reasons: Vec<&str> = of_status().filter_map(|order| order.reason.as_deref()).collect();
        reasons.sort_unstable();
        table.add_row([
            screen.tinted(status.as_str(), tint(status)),
            number(count),
            number(sum.map_or_else(|error| error.to_string(), |sum| sum.to_string())),
            Cell::new(reasons.join(", ")),
        ]);
    }
    screen.show(&table);
}

fn tint(status: OrderStatus) -> Color {
    match status {
        OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered => Color::Green,
        OrderStatus::Failed | OrderStatus::Cancelled => Color::Red,
        OrderStatus::Pending | OrderStatus::Processing => Color::Cyan,
    }
}

fn stock(screen: &Screen, facts: &Facts) {
    let header = ["product", "", "before", "=", "available", "+", "reserved", "+", "sold", ""];
    let mut table = screen.table("Stock, conserved", &header);
    for product in at_start().chain([FORGOTTEN]) {
        let now = facts.products.iter().find(|now| now.sku == product.sku);
        let (available, reserved) = now.map_or((0, 0), |now| (now.available, now.reserved));
        let sold = facts.sold(product.sku);
        let conserved = product.stock == available + reserved + sold;
        table.add_row([
            Cell::new(product.sku),
            screen.tinted(product.name, Color::DarkGrey),
            number(product.stock),
            Cell::new("="),
            number(available),
            Cell::new("+"),
            number(reserved),
            Cell::new("+"),
            number(sold),
            screen.tinted(if conserved { "✓" } else { "✗" }, if conserved { Color::Green } else { Color::Red }),
        ]);
    }
    screen.show(&table);
}

fn notifications(screen: &Screen, facts: &Facts) {
    let mut table = screen.table("Notifications and events", &["channel", "delivered", "files", "about"]);
    for (channel, files) in &facts.files {
        let about = match channel {
            Channel::Email => "confirmations, failures, refunds",
            Channel::Sms => "shipping updates; nothing was shipped",
            Channel::Push => "everything",
        };
        table.add_row([
            Cell::new(channel.as_str()),
            number(facts.delivered(*channel)),
            number(files),
            Cell::new(about),
        ]);
    }
    let totals = &facts.statistics.totals;
    let others = facts.statistics.events_recorded - totals.created - totals.confirmed - totals.failed;
    let about = format!(
        "{} order.created, {} order.confirmed, {} order.failed, {others} stock.low",
        totals.created, totals.confirmed, totals.failed
    );
    table.add_row([Cell::new("events"), number(facts.statistics.events_recorded), Cell::new(""), Cell::new(about)]);
    screen.show(&table);
    let reasons: Vec<String> = facts.statistics.failures.iter().map(|(why, count)| format!("{count} {why}")).collect();
    screen.line(&format!("  revenue {}, failures: {}", totals.revenue, reasons.join(", ")));
}

fn dead_letters(screen: &Screen, facts: &Facts) {
    let header = ["queue", "reason", "error", "died", "replayed", "state"];
    let mut table = screen.table("Dead letters", &header);
    for letter in &facts.letters {
        let tint = if letter.state == "resolved" { Color::Green } else { Color::Red };
        table.add_row([
            Cell::new(&letter.queue),
            Cell::new(&letter.reason),
            Cell::new(shortened(&letter.error, ERROR)),
            number(letter.failures),
            number(letter.replays),
            screen.tinted(&letter.state, tint),
        ]);
    }
    screen.show(&table);
}

/// Each expectation with its tick, or what was found instead.
pub fn expectations(screen: &Screen, checks: &[Check]) {
    screen.heading("Expectations");
    for check in checks {
        screen.line(&format!("  {} {}", screen.tick(check.holds), check.claim));
        if !check.holds {
            screen.line(&format!("      expected  {}", check.expected));
            screen.line(&format!("      found     {}", screen.bad(&shortened(&check.found, 400))));
        }
    }
}
