//! What the tables must hold, given what the saga can do. Called once per audit; `store::audit` asks the database by it.

use super::facts::{Facts, step_name};
use crate::domain::OrderStatus;
use crate::domain::inventory::{ReservationStatus, movement_kinds};
use crate::domain::notification::{Channel, Kind};
use crate::domain::payment::PaymentStatus;
use crate::domain::saga::{Effect, State};
use crate::store::audit::{
    EventRule, Fate, FigureRule, LegalChange, MovementsOfStatus, NotificationRule, Outcome, OutcomeRule, Place,
    UnitsMoved,
};
use crate::topology::WorkQueue;

pub struct Rules {
    facts: Facts,
    /// Fates that the saga leads to; an order with another one is judged by its history alone.
    pub judged: Vec<Fate>,
}

impl Rules {
    pub fn new() -> Self {
        let facts = Facts::learn();
        let judged = facts.fates();
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

    /// Whether the goods of every order with this fate are the customer's. The saga sells only what is paid, and takes sold goods
    /// back only with the refund (its tests say so).
    fn is_sold(&self, fate: Fate) -> bool {
        let certain = self.facts.certain(fate);
        certain.contains(&Effect::CommitStock) && !self.facts.possible(fate).contains(&Effect::ReturnStock)
    }

    /// Whether what was sold is on its way back: money and goods may be on either side.
    fn is_coming_back(&self, fate: Fate) -> bool {
        !fate.status.is_settled() && self.facts.possible(fate).contains(&Effect::CommitStock)
    }

    pub fn reservations(&self) -> Vec<OutcomeRule> {
        use ReservationStatus::{Committed, Rejected, Released, Reserved, Returned};
        let outcome = |fate: Fate, beside: Option<ReservationStatus>| match (
            self.is_coming_back(fate),
            self.is_sold(fate),
            beside,
        ) {
            (true, _, Some(Reserved | Committed | Returned)) => Outcome::Fine,
            (true, _, None | Some(Released | Rejected)) => Outcome::Wrong,
            (false, true, Some(Committed)) => Outcome::Fine,
            (false, true, Some(Reserved)) => Outcome::Awaited,
            (false, true, None | Some(Released | Rejected | Returned)) => Outcome::Wrong,
            (false, false, Some(Committed)) => Outcome::Wrong,
            (false, false, Some(Reserved)) if fate.status.is_settled() => Outcome::Awaited,
            (false, false, Some(Returned)) if !fate.was_confirmed => Outcome::Wrong,
            (false, false, None | Some(Reserved | Released | Rejected | Returned)) => Outcome::Fine,
        };
        let beside = [None, Some(Reserved), Some(Committed), Some(Released), Some(Rejected), Some(Returned)];
        self.table(&beside, |beside| beside.map_or("", ReservationStatus::as_str), outcome)
    }

    /// Money of a paid order is given back when an operator has asked for it, and only then.
    pub fn payments(&self) -> Vec<OutcomeRule> {
        use PaymentStatus::{Cancelled, Declined, Pending, Refunded, Taken};
        let outcome = |fate: Fate, Beside { payment, refund_asked }| match (
            self.is_coming_back(fate),
            self.is_sold(fate),
            payment,
        ) {
            (true, _, Some(Taken | Refunded)) => Outcome::Fine,
            (true, _, None | Some(Pending | Declined | Cancelled)) => Outcome::Wrong,
            (false, true, Some(Taken)) if refund_asked => Outcome::Awaited,
            (false, true, Some(Taken)) => Outcome::Fine,
            (false, true, Some(Refunded)) if refund_asked => Outcome::Fine,
            (false, true, None | Some(Pending | Declined | Cancelled | Refunded)) => Outcome::Wrong,
            (false, false, Some(Pending | Taken)) if fate.status.is_settled() => Outcome::Awaited,
            (false, false, None | Some(Pending | Taken | Declined | Cancelled | Refunded)) => Outcome::Fine,
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
        outcome: impl Fn(Fate, T) -> Outcome,
    ) -> Vec<OutcomeRule> {
        let line = |fate: Fate, beside| OutcomeRule { fate, beside: name(beside), outcome: outcome(fate, beside) };
        self.judged
            .iter()
            .flat_map(|fate| beside.iter().map(move |beside| (*fate, *beside)))
            .map(|(fate, beside)| line(fate, beside))
            .collect()
    }

    pub fn notifications(&self) -> Vec<NotificationRule> {
        let refund = kinds(&self.facts.of_refund());
        let mut rules = Vec::new();
        for fate in self.judged.iter().copied() {
            let certain = kinds(&self.facts.certain(fate));
            for kind in kinds(&self.facts.possible(fate)) {
                let after_refund = refund.contains(&kind);
                rules.extend(CHANNELS.into_iter().filter(|channel| channel.carries(kind)).map(|channel| {
                    NotificationRule {
                        fate,
                        payment: after_refund.then_some(PaymentStatus::Refunded),
                        channel,
                        kind,
                        needs_phone: channel == Channel::Sms,
                        required: certain.contains(&kind) || (after_refund && fate.status.is_settled()),
                        queue: queue_of(channel).name(),
                    }
                }));
            }
        }
        rules
    }

    pub fn events(&self) -> Vec<EventRule> {
        let rules = self.judged.iter().flat_map(|fate| {
            let certain = self.facts.certain(*fate);
            announced(&self.facts.possible(*fate)).into_iter().map(move |routing_key| EventRule {
                fate: *fate,
                routing_key,
                required: certain.contains(&Effect::Announce(routing_key)),
            })
        });
        rules.collect()
    }

    /// The columns of the statistics are named after the events that they count. What was refunded follows from the payments.
    pub fn figures(&self) -> Vec<FigureRule> {
        let mut rules: Vec<FigureRule> = Vec::new();
        for event in self.events().iter().filter(|event| event.required) {
            let column = event.routing_key.strip_prefix("order.").unwrap_or(event.routing_key);
            match rules.iter_mut().find(|rule| rule.column == column) {
                Some(rule) => rule.fates.push(event.fate),
                None => rules.push(FigureRule { column, fates: vec![event.fate], money: false }),
            }
        }
        let fates = self.judged.iter().copied().filter(|fate| fate.was_confirmed).collect();
        rules.push(FigureRule { column: "revenue", fates, money: true });
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

/// What each kind of movement does to a shelf.
pub fn units_moved() -> Vec<UnitsMoved> {
    movement_kinds().map(|(kind, (on_hand, reserved))| UnitsMoved { kind, on_hand, reserved }).collect()
}

/// What a reservation in each status has behind it. One that was released had been made; a mark without lines moves nothing.
pub fn movements_of_statuses() -> Vec<MovementsOfStatus> {
    use ReservationStatus::{Committed, Rejected, Released, Reserved, Returned};
    let movements = |status| {
        let (reserved, released, committed, returned) = match status {
            Reserved => (true, false, false, false),
            Committed => (true, false, true, false),
            Released => (true, true, false, false),
            Rejected => (false, false, false, false),
            Returned => (true, false, true, true),
        };
        MovementsOfStatus { status, reserved, released, committed, returned }
    };
    [Reserved, Committed, Released, Rejected, Returned].map(movements).to_vec()
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
        | Effect::ReturnStock
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
        | Effect::ReturnStock
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
        assert!(units_moved().contains(&UnitsMoved { kind: "return", on_hand: 1, reserved: 0 }));
        assert_eq!(units_moved().len(), 6);
    }

    #[test]
    fn a_failed_order_is_told_by_mail_and_push_and_refunded_only_after_a_refund() {
        let rules = Rules::new().notifications();
        let failed: Vec<_> = rules.iter().filter(|rule| rule.fate.status == OrderStatus::Failed).collect();
        assert_eq!(failed.len(), 4);
        for rule in failed {
            assert_eq!(rule.payment.is_some(), rule.kind == Kind::OrderRefunded);
            assert!(rule.required && rule.channel != Channel::Sms);
        }
    }

    #[test]
    fn created_counts_every_order_that_was_looked_at_and_revenue_what_was_ever_confirmed() {
        let rules = Rules::new();
        let figures = rules.figures();
        let fates = |column| &figures.iter().find(|rule| rule.column == column).expect("there").fates;
        assert_eq!(fates("created").len(), rules.judged.len() - 1, "all but pending");
        assert_eq!(
            fates("shipped").iter().map(|fate| fate.status).collect::<Vec<_>>(),
            [OrderStatus::Shipped, OrderStatus::Delivered]
        );
        assert_eq!(fates("revenue").len(), 5, "processing again, confirmed, shipped, delivered, cancelled");
    }

    #[test]
    fn an_order_cancelled_after_its_confirmation_holds_neither_goods_nor_money() {
        let rules = Rules::new();
        let after = Fate::new(OrderStatus::Cancelled, true);
        let outcome = |table: Vec<OutcomeRule>, beside: &str| {
            table.into_iter().find(|rule| rule.fate == after && rule.beside == beside).expect("a rule").outcome
        };
        assert_eq!(outcome(rules.reservations(), "returned"), Outcome::Fine);
        assert_eq!(outcome(rules.reservations(), "committed"), Outcome::Wrong);
        assert_eq!(outcome(rules.payments(), "refunded"), Outcome::Fine);
        assert_eq!(outcome(rules.payments(), "taken"), Outcome::Awaited);
    }
}
