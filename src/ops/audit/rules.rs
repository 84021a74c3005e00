//! What the tables must hold, given what the saga can do. Called once per audit; `store::audit` asks the database by it.

use super::facts::{Facts, step_name};
use crate::domain::inventory::{Line, Movement, ReservationStatus, Shelf, Shelves, commit, release, reserve};
use crate::domain::notification::{Channel, Kind};
use crate::domain::payment::PaymentStatus;
use crate::domain::saga::{Effect, State};
use crate::domain::{OrderStatus, Sku};
use crate::store::audit::{
    EventRule, FigureRule, LegalChange, MovementsOfStatus, NotificationRule, Outcome, OutcomeRule, Place, UnitsMoved,
};
use crate::topology::WorkQueue;

pub struct Rules {
    facts: Facts,
    /// Statuses that the saga leads to; an order in another one is judged by its history alone.
    pub judged: Vec<OrderStatus>,
}

impl Rules {
    pub fn new() -> Self {
        let facts = Facts::learn();
        let judged = facts.statuses();
        Self { facts, judged }
    }

    /// Which step may stand beside which status. A settled order has no saga, however it was settled.
    pub fn possible_states(&self) -> Vec<Place> {
        let reached = self.facts.states.iter().map(|reached| place(&reached.state));
        let settled = OrderStatus::ALL.into_iter().filter(|status| status.is_settled()).map(|status| (status, None));
        reached.chain(settled).collect()
    }

    pub fn legal_changes(&self) -> Vec<LegalChange> {
        let changes = self.facts.changes.iter();
        changes
            .map(|change| LegalChange { from: place(&change.from), event: change.event, to: place(&change.to) })
            .collect()
    }

    /// Whether every order in this status is sold. The saga sells only what is paid (its tests say so).
    fn is_sold(&self, status: OrderStatus) -> bool {
        self.facts.certain(status).contains(&Effect::CommitStock)
    }

    pub fn reservations(&self) -> Vec<OutcomeRule> {
        use ReservationStatus::{Committed, Rejected, Released, Reserved};
        let outcome = |status: OrderStatus, beside: Option<ReservationStatus>| match (self.is_sold(status), beside) {
            (true, Some(Committed)) => Outcome::Fine,
            (true, Some(Reserved)) => Outcome::Awaited,
            (true, None | Some(Released | Rejected)) => Outcome::Wrong,
            (false, Some(Committed)) => Outcome::Wrong,
            (false, Some(Reserved)) if status.is_settled() => Outcome::Awaited,
            (false, None | Some(Reserved | Released | Rejected)) => Outcome::Fine,
        };
        let beside = [None, Some(Reserved), Some(Committed), Some(Released), Some(Rejected)];
        self.table(&beside, |beside| beside.map_or("", ReservationStatus::as_str), outcome)
    }

    /// Money of a paid order is given back when an operator has asked for it, and only then.
    pub fn payments(&self) -> Vec<OutcomeRule> {
        use PaymentStatus::{Cancelled, Declined, Pending, Refunded, Taken};
        let outcome = |status: OrderStatus, Beside { payment, refund_asked }| match (self.is_sold(status), payment) {
            (true, Some(Taken)) if refund_asked => Outcome::Awaited,
            (true, Some(Taken)) => Outcome::Fine,
            (true, Some(Refunded)) if refund_asked => Outcome::Fine,
            (true, None | Some(Pending | Declined | Cancelled | Refunded)) => Outcome::Wrong,
            (false, Some(Pending | Taken)) if status.is_settled() => Outcome::Awaited,
            (false, None | Some(Pending | Taken | Declined | Cancelled | Refunded)) => Outcome::Fine,
        };
        let payments = [None, Some(Pending), Some(Taken), Some(Declined), Some(Cancelled), Some(Refunded)];
        let beside: Vec<Beside> = payments
            .into_iter()
            .flat_map(|payment| [false, true].map(|refund_asked| Beside { payment, refund_asked }))
            .filter(|beside| !beside.name().is_empty() || beside.payment.is_none() && !beside.refund_asked)
            .collect();
        self.table(&beside, Beside::name, outcome)
    }

    fn table<T: Copy>(
        &self,
        beside: &[T],
        name: fn(T) -> &'static str,
        outcome: impl Fn(OrderStatus, T) -> Outcome,
    ) -> Vec<OutcomeRule> {
        let line = |status: OrderStatus, beside| OutcomeRule {
            status: status.as_str(),
            beside: name(beside),
            outcome: outcome(status, beside),
        };
        self.judged
            .iter()
            .flat_map(|status| beside.iter().map(move |beside| (*status, *beside)))
            .map(|(s, b)| line(s, b))
            .collect()
    }

    pub fn notifications(&self) -> Vec<NotificationRule> {
        let refund = kinds(&self.facts.of_refund());
        let mut rules = Vec::new();
        for status in self.judged.iter().copied() {
            let certain = kinds(&self.facts.certain(status));
            for kind in kinds(&self.facts.possible(status)) {
                let after_refund = refund.contains(&kind);
                rules.extend(CHANNELS.into_iter().filter(|channel| channel.carries(kind)).map(|channel| {
                    NotificationRule {
                        status,
                        payment: after_refund.then_some(PaymentStatus::Refunded),
                        channel,
                        kind,
                        needs_phone: channel == Channel::Sms,
                        required: certain.contains(&kind) || (after_refund && status.is_settled()),
                        queue: queue_of(channel).name(),
                    }
                }));
            }
        }
        rules
    }

    pub fn events(&self) -> Vec<EventRule> {
        let rules = self.judged.iter().flat_map(|status| {
            let certain = self.facts.certain(*status);
            announced(&self.facts.possible(*status)).into_iter().map(move |routing_key| EventRule {
                status: *status,
                routing_key,
                required: certain.contains(&Effect::Announce(routing_key)),
            })
        });
        rules.collect()
    }

    /// The columns of the statistics are named after the events that they count.
    pub fn figures(&self) -> Vec<FigureRule> {
        let mut rules: Vec<FigureRule> = Vec::new();
        for event in self.events().iter().filter(|event| event.required) {
            let column = event.routing_key.strip_prefix("order.").unwrap_or(event.routing_key);
            match rules.iter_mut().find(|rule| rule.column == column) {
                Some(rule) => rule.statuses.push(event.status),
                None => rules.push(FigureRule { column, statuses: vec![event.status], money: false }),
            }
        }
        let sold = self.judged.iter().copied().filter(|status| self.is_sold(*status)).collect();
        rules.push(FigureRule { column: "revenue", statuses: sold, money: true });
        rules
    }
}

/// A payment beside its order, and whether an operator asked for a refund.
#[derive(Clone, Copy)]
struct Beside {
    payment: Option<PaymentStatus>,
    refund_asked: bool,
}

impl Beside {
    /// As `store::audit` writes it; empty for what cannot be: only taken money can be asked back.
    fn name(self) -> &'static str {
        match (self.payment, self.refund_asked) {
            (None, _) => "",
            (Some(payment), false) => payment.as_str(),
            (Some(PaymentStatus::Taken), true) => "taken, refund asked",
            (Some(PaymentStatus::Refunded), true) => "refunded, refund asked",
            (Some(PaymentStatus::Pending | PaymentStatus::Declined | PaymentStatus::Cancelled), true) => "",
        }
    }
}

/// What each kind of movement does to a shelf, asked of the functions that do it.
pub fn units_moved() -> Vec<UnitsMoved> {
    let mut units = vec![
        // Written by `store::product_changes`.
        UnitsMoved { kind: "initial", on_hand: 1, reserved: 0 },
        UnitsMoved { kind: "adjust", on_hand: 1, reserved: 0 },
    ];
    let Ok(sku) = Sku::parse("one") else { return units };
    let before = Shelf { on_hand: 2, reserved: 1 };
    let line = [Line { sku: sku.clone(), quantity: 1 }];
    for movement in [Movement::Reserve, Movement::Release, Movement::Commit] {
        let mut shelves = Shelves::from([(sku.clone(), before)]);
        match movement {
            Movement::Reserve => drop(reserve(&mut shelves, &line)),
            Movement::Release => release(&mut shelves, &line),
            Movement::Commit => commit(&mut shelves, &line),
        }
        let now = shelves.get(&sku).copied().unwrap_or_default();
        units.push(UnitsMoved {
            kind: movement.as_str(),
            on_hand: now.on_hand - before.on_hand,
            reserved: now.reserved - before.reserved,
        });
    }
    units
}

/// What a reservation in each status has behind it. One that was released had been made; a mark without lines moves nothing.
pub fn movements_of_statuses() -> Vec<MovementsOfStatus> {
    use ReservationStatus::{Committed, Rejected, Released, Reserved};
    let movements = |status| {
        let (reserved, released, committed) = match status {
            Reserved => (true, false, false),
            Committed => (true, false, true),
            Released => (true, true, false),
            Rejected => (false, false, false),
        };
        MovementsOfStatus { status, reserved, released, committed }
    };
    [Reserved, Committed, Released, Rejected].map(movements).to_vec()
}

/// Every way to reach a customer.
const CHANNELS: [Channel; 3] = [Channel::Email, Channel::Sms, Channel::Push];

pub fn queue_of(channel: Channel) -> WorkQueue {
    match channel {
        Channel::Email => WorkQueue::EmailNotifications,
        Channel::Sms => WorkQueue::SmsNotifications,
        Channel::Push => WorkQueue::PushNotifications,
    }
}

/// The channel with this name.
pub fn channel_named(name: &str) -> Option<Channel> {
    CHANNELS.into_iter().find(|channel| channel.as_str() == name)
}

fn place(state: &State) -> Place {
    (state.status, step_name(state))
}

fn kinds(effects: &[Effect]) -> Vec<Kind> {
    let kind = |effect: &Effect| match effect {
        Effect::Notify(kind) => Some(*kind),
        Effect::ReserveStock
        | Effect::ReleaseStock
        | Effect::CommitStock
        | Effect::TakePayment
        | Effect::CancelPayment
        | Effect::RefundPayment
        | Effect::Announce(_) => None,
    };
    effects.iter().filter_map(kind).collect()
}

fn announced(effects: &[Effect]) -> Vec<&'static str> {
    let routing_key = |effect: &Effect| match effect {
        Effect::Announce(routing_key) => Some(*routing_key),
        Effect::ReserveStock
        | Effect::ReleaseStock
        | Effect::CommitStock
        | Effect::TakePayment
        | Effect::CancelPayment
        | Effect::RefundPayment
        | Effect::Notify(_) => None,
    };
    effects.iter().filter_map(routing_key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sold_unit_leaves_the_shelf_and_the_promise() {
        let sold = UnitsMoved { kind: "commit", on_hand: -1, reserved: -1 };
        assert!(units_moved().contains(&sold));
        assert_eq!(units_moved().len(), 5);
    }

    #[test]
    fn a_failed_order_is_told_by_mail_and_push_and_refunded_only_after_a_refund() {
        let rules = Rules::new().notifications();
        let failed: Vec<_> = rules.iter().filter(|rule| rule.status == OrderStatus::Failed).collect();
        assert_eq!(failed.len(), 4);
        for rule in failed {
            assert_eq!(rule.payment.is_some(), rule.kind == Kind::OrderRefunded);
            assert!(rule.required && rule.channel != Channel::Sms);
        }
    }

    #[test]
    fn created_counts_every_order_that_was_looked_at() {
        use OrderStatus::{Confirmed, Failed, Processing};
        let figures = Rules::new().figures();
        let created = figures.iter().find(|rule| rule.column == "created").expect("there");
        assert_eq!(created.statuses, [Processing, Confirmed, Failed]);
        assert_eq!(figures.last().map(|rule| (rule.column, rule.statuses.clone())), Some(("revenue", vec![Confirmed])));
    }
}
