//! Which dead letters are meant.

use clap::Args;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::contract::read_moment;
use crate::store::dead_letters::{Filter, State};

#[derive(Args)]
pub struct FilterArgs {
    /// Group, as `groups` lists it.
    #[arg(long, value_name = "GROUP-ID")]
    pub group: Option<Uuid>,
    /// Type of the message, as in order.submitted or stock.reserve.
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Messages about this customer's orders.
    #[arg(long, value_name = "CUSTOMER-ID")]
    pub customer: Option<String>,
    /// Messages about this product.
    #[arg(long)]
    pub sku: Option<String>,
    /// Queue whose consumer failed.
    #[arg(long)]
    pub queue: Option<String>,
    /// Reason, as in bad_message, refused, attempts_exhausted, panicked, delivery_limit, rejected.
    #[arg(long)]
    pub reason: Option<String>,
    /// Messages about this order.
    #[arg(long, value_name = "ORDER-ID")]
    pub order: Option<Uuid>,
    /// Part of the error, in upper or lower case.
    #[arg(long)]
    pub text: Option<String>,
    /// Failed last at this time or later: 2026-01-31T12:00:00Z, or 90s, 30m, 2h, 7d ago.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub since: Option<OffsetDateTime>,
    /// Failed last before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub until: Option<OffsetDateTime>,
}

impl FilterArgs {
    pub fn filter(&self, state: Option<State>) -> Filter {
        Filter {
            state,
            group_id: self.group,
            kind: self.kind.clone(),
            customer_id: self.customer.clone(),
            sku: self.sku.clone(),
            queue: self.queue.clone(),
            reason: self.reason.clone(),
            order_id: self.order,
            text: self.text.clone(),
            since: self.since,
            until: self.until,
        }
    }
}

/// A point in time, or how long ago.
fn parse_time(text: &str) -> Result<OffsetDateTime, &'static str> {
    const WRONG: &str = "must be a time as in 2026-01-31T12:00:00Z, or an age as in 90s, 30m, 2h, 7d";
    if let Ok(time) = read_moment(text) {
        return Ok(time);
    }
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86_400,
        Some(_) | None => return Err(WRONG),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| WRONG)?;
    OffsetDateTime::now_utc().checked_sub(Duration::seconds(i64::from(number) * unit)).ok_or(WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_points_or_ages() {
        assert!(parse_time("2026-01-31T12:00:00Z").is_ok());
        assert!(parse_time("2h").expect("an age") < OffsetDateTime::now_utc());
        for wrong in ["", "h", "2x", "-1h", "yesterday", "2ä"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }
}
