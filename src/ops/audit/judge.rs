//! Puts every law to one snapshot of the database.

use std::collections::BTreeMap;

use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;

use super::queues::{faults, waiting_in};
use super::report::{Explained, Report, Verdict};
use super::rules::{Rules, movements_of_statuses, units_moved};
use super::{Invariant, QueueDepth, Violation};
use crate::domain::OrderStatus;
use crate::domain::saga::State;
use crate::store::audit::{self, Found, Scope};
use crate::topology::WorkQueue;

/// Violations that one question fetches: enough to weigh them against the queues, little enough to hold.
const FETCHED: i64 = 10_000;

/// What one judgement depends on besides the data.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub since: Option<OffsetDateTime>,
    pub grace_seconds: f64,
    pub patience_seconds: f64,
    pub statement_timeout_seconds: u64,
}

/// `depths` must have been read before: what was consumed in between shows in the snapshot, not the other way round.
///
/// # Errors
/// Any database error.
pub async fn judge(
    db: &mut PgConnection,
    terms: &Terms,
    depths: Option<Vec<QueueDepth>>,
) -> Result<Report, sqlx::Error> {
    let mut snapshot = db.begin().await?;
    let timeout = terms.statement_timeout_seconds;
    let scope = audit::open(&mut snapshot, terms.since, terms.grace_seconds, timeout, FETCHED).await?;
    let mut verdicts = Verdicts::default();
    orders(&mut snapshot, &scope, terms, &mut verdicts).await?;
    stock(&mut snapshot, &scope, &mut verdicts).await?;
    outside(&mut snapshot, &scope, &mut verdicts).await?;
    verdicts.add(Invariant::OutboxMoves, audit::stale_outbox(&mut snapshot, &scope).await?);
    let parked = audit::parked(&mut snapshot, &scope).await?;
    let mut explained = Explained {
        activity: audit::activity(&mut snapshot, State::NEW.status, Some(scope.cutoff)).await?,
        in_flight: Vec::new(),
        parked: parked.violations,
        parked_total: parked.total,
        dead_letters: audit::dead_letters(&mut snapshot).await?,
    };
    snapshot.rollback().await?;
    match &depths {
        Some(depths) => verdicts.meet(depths, &mut explained),
        None => verdicts.skip(Invariant::QueuesExplained),
    }
    let invariants = verdicts.0;
    Ok(Report {
        clean: invariants.iter().all(|verdict| verdict.total == 0),
        at: scope.now,
        since: scope.since,
        orders: scope.orders,
        settled: None,
        invariants,
        explained,
        queues: depths,
    })
}

async fn orders(
    db: &mut PgConnection,
    scope: &Scope,
    terms: &Terms,
    verdicts: &mut Verdicts,
) -> Result<(), sqlx::Error> {
    use Invariant::{
        AcceptedOrdersExist, HistoryEndsInStatus, HistoryLegal, MessagesAppliedOnce, StatusFitsSaga,
        UnfinishedOrdersMove,
    };
    let (rules, start) = (Rules::new(), State::NEW.status);
    verdicts.add(AcceptedOrdersExist, audit::vanished(db, scope).await?);
    verdicts.add(StatusFitsSaga, audit::impossible_states(db, scope, &rules.possible_states()).await?);
    verdicts.add(UnfinishedOrdersMove, audit::stranded(db, scope, start, terms.patience_seconds).await?);
    let legal = rules.legal_changes();
    verdicts.add(HistoryLegal, audit::illegal_changes(db, scope, (start, None), &legal).await?);
    verdicts.add(HistoryEndsInStatus, audit::wrong_ends(db, scope).await?);
    verdicts.add(MessagesAppliedOnce, audit::applied_twice(db, scope).await?);
    Ok(())
}

async fn stock(db: &mut PgConnection, scope: &Scope, verdicts: &mut Verdicts) -> Result<(), sqlx::Error> {
    use Invariant::{
        NothingOversold, ReservationsEqualItems, ReservationsEqualLedger, ReservationsFitOrders, StockEqualsLedger,
    };
    let (rules, units) = (Rules::new(), units_moved());
    verdicts.add(StockEqualsLedger, audit::shelf_differences(db, scope, &units).await?);
    verdicts.add(NothingOversold, audit::oversold(db, scope, &units).await?);
    verdicts.add(ReservationsEqualLedger, audit::ledger_differences(db, scope, &movements_of_statuses()).await?);
    verdicts.add(ReservationsEqualItems, audit::line_differences(db, scope).await?);
    let queue = WorkQueue::InventoryRequests.name();
    verdicts.add(ReservationsFitOrders, audit::wrong_reservations(db, scope, &rules.reservations(), queue).await?);
    Ok(())
}

async fn outside(db: &mut PgConnection, scope: &Scope, verdicts: &mut Verdicts) -> Result<(), sqlx::Error> {
    use Invariant::{
        EventIds, EventsOnce, NotificationIds, NotificationsOnce, PaymentAmounts, PaymentsFitOrders, Statistics,
    };
    let rules = Rules::new();
    let queue = WorkQueue::PaymentRequests.name();
    verdicts.add(PaymentsFitOrders, audit::wrong_payments(db, scope, &rules.payments(), queue).await?);
    verdicts.add(PaymentAmounts, audit::wrong_amounts(db, scope).await?);
    let told = rules.notifications();
    verdicts.add(NotificationsOnce, audit::notifications(db, scope, &told, &rules.judged).await?);
    verdicts.add(NotificationIds, audit::delivery_ids(db, scope).await?);
    let (events, queue) = (rules.events(), WorkQueue::Analytics.name());
    verdicts.add(EventsOnce, audit::events(db, scope, &events, &rules.judged, queue).await?);
    let keys: Vec<&str> = events.iter().map(|event| event.routing_key).collect();
    verdicts.add(EventIds, audit::event_ids(db, scope, &keys).await?);
    match scope.since {
        None => {
            let figures = audit::figures(db, scope, &rules.figures(), OrderStatus::Failed, queue).await?;
            verdicts.add(Statistics, figures);
        }
        // The figures are sums over all time.
        Some(_) => verdicts.skip(Statistics),
    }
    Ok(())
}

#[derive(Default)]
struct Verdicts(Vec<Verdict>);

impl Verdicts {
    fn add<V: Into<Violation>>(&mut self, invariant: Invariant, found: Found<V>) {
        let violations = found.violations.into_iter().map(Into::into).collect();
        self.push(invariant, Some(found.checked), found.total, violations);
    }

    /// The law was not judged.
    fn skip(&mut self, invariant: Invariant) {
        self.push(invariant, None, 0, Vec::new());
    }

    fn push(&mut self, invariant: Invariant, checked: Option<i64>, total: i64, violations: Vec<Violation>) {
        let (name, explanation) = (invariant.name(), invariant.explanation());
        self.0.push(Verdict { invariant, name, explanation, checked, total, violations });
    }

    /// Weighs what is missing against what is on its way, then judges the queues by what needs them. When fewer messages wait
    /// than effects are missing, nobody can tell which are lost, and all are told.
    fn meet(&mut self, depths: &[QueueDepth], explained: &mut Explained) {
        let mut missing: BTreeMap<WorkQueue, i64> = BTreeMap::new();
        for verdict in &self.0 {
            let unlisted = verdict.total - i64::try_from(verdict.violations.len()).unwrap_or(i64::MAX);
            for queue in verdict.violations.iter().filter_map(Violation::awaited) {
                *missing.entry(queue).or_default() += 1 + unlisted;
            }
        }
        // A figure is short by as many events as are missing, and is no message of its own.
        let figures = |verdict: &Verdict| verdict.invariant == Invariant::Statistics;
        let counted = self.0.iter().filter(|verdict| figures(verdict)).map(|verdict| verdict.total).sum::<i64>();
        if let Some(events) = missing.get_mut(&WorkQueue::Analytics) {
            *events = (*events - counted).max(1);
        }
        // What caused the missing effect may itself wait with the order-processor, which publishes again after a crash.
        let of_processor = [WorkQueue::OrderProcessing, WorkQueue::OrderProcessingHigh, WorkQueue::OrderReplies]
            .into_iter()
            .map(|queue| waiting_in(depths, queue))
            .sum::<i64>();
        let arrives = |queue: WorkQueue| {
            let waiting = match queue {
                WorkQueue::OrderProcessing | WorkQueue::OrderProcessingHigh | WorkQueue::OrderReplies => of_processor,
                WorkQueue::InventoryRequests
                | WorkQueue::PaymentRequests
                | WorkQueue::EmailNotifications
                | WorkQueue::SmsNotifications
                | WorkQueue::PushNotifications
                | WorkQueue::Analytics
                | WorkQueue::WebhookDeliveries => of_processor + waiting_in(depths, queue),
            };
            missing.get(&queue).is_some_and(|missing| waiting >= *missing)
        };
        for verdict in &mut self.0 {
            let (in_flight, broken): (Vec<Violation>, Vec<Violation>) =
                verdict.violations.drain(..).partition(|violation| violation.awaited().is_some_and(&arrives));
            verdict.total -= i64::try_from(in_flight.len()).unwrap_or(0);
            verdict.violations = broken;
            explained.in_flight.extend(in_flight);
        }
        let busy = explained.activity.is_busy();
        // A partner's server may be away for days, and what waits for it with it.
        let waits_for_partners = |work| work == WorkQueue::WebhookDeliveries;
        let faults = faults(depths, |work| busy || waits_for_partners(work) || missing.contains_key(&work));
        let (checked, total) = (i64::try_from(depths.len()).ok(), i64::try_from(faults.len()).unwrap_or(i64::MAX));
        self.push(Invariant::QueuesExplained, checked, total, faults.into_iter().map(Violation::from).collect());
    }
}
