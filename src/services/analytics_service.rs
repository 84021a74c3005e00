//! The analytics-service: records every event of the `events` exchange once, and keeps figures per minute and per day. Called by its
//! binary and by `fleet`; read by `GET /api/v1/statistics`. Endpoints of webhooks that want an event are asked for it here, too.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

use crate::contract::order::read_object;
use crate::contract::{Fields, Outgoing, headers, read_moment};
use crate::domain::Money;
use crate::messaging::{Delivery, Failure, Handler, Incoming, Outcome, Source};
use crate::services::webhook_service::fan_out::{self, FanOut};
use crate::store::statistics::{self, Bucket, Figures, Period, RecordedEvent};
use crate::topology::WorkQueue;

/// Longest reason that is kept apart in the figures; our own codes have at most 17 characters (`domain::saga::FailureReason`).
const MAX_REASON: usize = 64;

#[derive(Default)]
pub struct AnalyticsService {
    webhooks: FanOut,
}

/// An event, read as far as the figures need it.
#[derive(Clone, Debug)]
pub struct Event {
    routing_key: String,
    order_id: Option<Uuid>,
    occurred_at: Option<OffsetDateTime>,
    counted: Counted,
    body: String,
}

/// What an event adds to the figures.
#[derive(Clone, Debug, PartialEq)]
enum Counted {
    Created,
    Confirmed {
        total: Option<Money>,
        created_at: Option<OffsetDateTime>,
    },
    Failed {
        reason: String,
    },
    Cancelled,
    /// Of an order that had been confirmed, whatever becomes of it.
    Refunded {
        total: Option<Money>,
    },
    Shipped,
    Delivered,
    /// Recorded only.
    Nothing,
}

impl Handler for AnalyticsService {
    type Message = Event;
    type Context = ();
    type Fetched = ();

    const ROLE: &'static str = "analytics-service";
    const SOURCE: Source = Source::Work(WorkQueue::Analytics);

    fn decode(&self, incoming: &Incoming) -> Result<Event, Failure> {
        read(incoming.origin().1, &incoming.body)
    }

    async fn call_outside(&self, _: &Incoming, _: &Event, (): ()) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, db: &mut PgConnection, batch: &[&Delivery<Self>]) -> Result<Vec<Outcome>, sqlx::Error> {
        let recorded: Vec<RecordedEvent<'_>> = batch
            .iter()
            .map(|delivery| RecordedEvent {
                message_id: delivery.incoming.message_id,
                routing_key: &delivery.message.routing_key,
                order_id: delivery.message.order_id,
                body: &delivery.message.body,
            })
            .collect();
        let new = statistics::record(db, &recorded).await?;
        let now = OffsetDateTime::now_utc();
        let mut sums = Sums::default();
        let mut events = Vec::with_capacity(new.len());
        for delivery in batch.iter().filter(|delivery| new.contains(&delivery.incoming.message_id)) {
            sums.add(&delivery.message, now);
            let Event { routing_key, order_id, body, .. } = &delivery.message;
            events.push(fan_out::Event { id: delivery.incoming.message_id, event_type: routing_key, body });
            let order_id = order_id.map(|id| id.to_string());
            tracing::debug!(
                order_id,
                correlation_id = delivery.incoming.correlation_id(),
                routing_key,
                "event recorded"
            );
        }
        statistics::add(db, &sums.figures).await?;
        statistics::add_failures(db, &sums.failures).await?;
        let mut requests = self.webhooks.plan(db, &events).await?;
        let caused_by = |incoming: &Incoming, request: Outgoing| {
            let id = incoming.message_id.to_string();
            request.correlated(incoming.correlation_id()).header(headers::CAUSATION_ID, id)
        };
        Ok(batch
            .iter()
            .map(|Delivery { incoming, .. }| {
                let requests = requests.remove(&incoming.message_id).unwrap_or_default();
                Outcome::Done(requests.into_iter().map(|request| caused_by(incoming, request)).collect())
            })
            .collect())
    }
}

/// Reads an event. Only the fields that are counted are looked at, and only of events that are counted.
fn read(routing_key: String, body: &[u8]) -> Result<Event, Failure> {
    let object = read_object(body).map_err(|error| Failure::BadMessage(error.to_string()))?;
    let id = |name: &str| object.get(name)?.as_str().and_then(|text| Uuid::parse_str(text).ok());
    let order_id = id("order_id").or_else(|| id("id"));
    let mut fields = Fields::new(&object, "");
    let occurred_at = fields.optional_text("occurred_at", read_moment);
    let counted = match routing_key.as_str() {
        "order.created" => Counted::Created,
        "order.confirmed" => Counted::Confirmed {
            total: fields.optional_money("total"),
            created_at: fields.optional_text("created_at", read_moment),
        },
        "order.failed" => {
            let reason = fields.optional_text("reason", |text| Ok::<_, &str>(shortened(text)));
            Counted::Failed { reason: reason.unwrap_or_else(|| "unknown".to_owned()) }
        }
        "order.cancelled" => Counted::Cancelled,
        "order.refunded" => Counted::Refunded { total: fields.optional_money("total") },
        "order.shipped" => Counted::Shipped,
        "order.delivered" => Counted::Delivered,
        _ => Counted::Nothing,
    };
    if counted != Counted::Nothing && !fields.errors.is_empty() {
        let faults: Vec<String> = fields.errors.iter().map(ToString::to_string).collect();
        return Err(Failure::BadMessage(faults.join("; ")));
    }
    // Checked to be UTF-8 by the JSON reader.
    let body = String::from_utf8_lossy(body).into_owned();
    Ok(Event { routing_key, order_id, occurred_at, counted, body })
}

fn shortened(reason: &str) -> String {
    reason.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect()
}

/// The figures of one batch.
#[derive(Default)]
struct Sums {
    figures: BTreeMap<Bucket, Figures>,
    failures: BTreeMap<(Bucket, String), i64>,
}

impl Sums {
    fn add(&mut self, event: &Event, now: OffsetDateTime) {
        let at = event.occurred_at.unwrap_or(now);
        for period in Period::ALL {
            let bucket = (period, start_of(period, at));
            if event.counted != Counted::Nothing {
                count(self.figures.entry(bucket).or_default(), &event.counted, at);
            }
            if let Counted::Failed { reason } = &event.counted {
                *self.failures.entry((bucket, reason.clone())).or_default() += 1;
            }
        }
    }
}

fn count(figures: &mut Figures, counted: &Counted, at: OffsetDateTime) {
    match counted {
        Counted::Created => figures.created += 1,
        Counted::Confirmed { total, created_at } => {
            // Clocks of two machines differ: never negative.
            let seconds = created_at.map_or(0.0, |created_at| (at - created_at).as_seconds_f64().max(0.0));
            figures.confirmed += 1;
            figures.revenue += total.unwrap_or(Money::ZERO).amount();
            figures.confirm_seconds += seconds;
            figures.confirm_seconds_max = figures.confirm_seconds_max.max(seconds);
        }
        Counted::Failed { .. } => figures.failed += 1,
        Counted::Cancelled => figures.cancelled += 1,
        Counted::Refunded { total } => figures.refunded += total.unwrap_or(Money::ZERO).amount(),
        Counted::Shipped => figures.shipped += 1,
        Counted::Delivered => figures.delivered += 1,
        Counted::Nothing => {}
    }
}

fn start_of(period: Period, at: OffsetDateTime) -> OffsetDateTime {
    let at = at.to_offset(UtcOffset::UTC);
    let seconds = match period {
        Period::Minute => 60,
        Period::Day => 86_400,
    };
    let start = at.unix_timestamp() - at.unix_timestamp().rem_euclid(seconds);
    OffsetDateTime::from_unix_timestamp(start).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn event(routing_key: &str, body: &str) -> Event {
        read(routing_key.to_owned(), body.as_bytes()).expect(body)
    }

    #[test]
    fn a_bucket_starts_in_utc_whatever_the_offset_of_the_event() {
        let at = datetime!(2026-01-31 23:59:59.9 -02:00);
        assert_eq!(start_of(Period::Minute, at), datetime!(2026-02-01 01:59 UTC));
        assert_eq!(start_of(Period::Day, at), datetime!(2026-02-01 0:00 UTC));
        assert_eq!(start_of(Period::Day, datetime!(1969-12-31 12:00 UTC)), datetime!(1969-12-31 0:00 UTC));
    }

    #[test]
    fn a_batch_is_summed_per_bucket() {
        let mut sums = Sums::default();
        let now = datetime!(2026-01-01 12:00:30 UTC);
        for body in [
            r#"{"total": 10.10, "created_at": "2026-01-01T12:00:00Z", "occurred_at": "2026-01-01T12:00:10Z"}"#,
            r#"{"total": "0.20", "created_at": "2026-01-01T12:00:40Z"}"#,
        ] {
            sums.add(&event("order.confirmed", body), now);
        }
        sums.add(&event("order.failed", r#"{"reason": "out_of_stock"}"#), now);
        sums.add(&event("stock.low", r#"{"sku": "A"}"#), now);
        let minute = (Period::Minute, datetime!(2026-01-01 12:00 UTC));
        let expected = Figures {
            confirmed: 2,
            failed: 1,
            revenue: rust_decimal::Decimal::new(1030, 2),
            confirm_seconds: 10.0,
            confirm_seconds_max: 10.0,
            ..Figures::default()
        };
        assert_eq!(sums.figures.get(&minute), Some(&expected));
        assert_eq!(sums.figures.len(), 2);
        assert_eq!(sums.failures.get(&(minute, "out_of_stock".to_owned())), Some(&1));
    }

    #[test]
    fn an_event_that_cannot_be_counted_names_the_field() {
        let failure = read("order.confirmed".to_owned(), br#"{"total": "ten"}"#).expect_err("refused");
        assert!(matches!(failure, Failure::BadMessage(text) if text.contains("/total")));
        assert!(read("order.confirmed".to_owned(), b"[1]").is_err());
        assert!(read("order.created".to_owned(), br#"{"occurred_at": "9999-12-31T23:59:59-01:00"}"#).is_err());
        assert_eq!(event("order.returned", r#"{"total": "ten"}"#).counted, Counted::Nothing);
    }
}
