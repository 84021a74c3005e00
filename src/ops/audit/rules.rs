//! What the tables must hold, given what the saga can do. Called once per audit; `store::audit` asks the database by it.

use super::facts::{Facts, step_name};
use crate::domain::inventory::{Line, Movement, ReservationStatus, Shelf, Shelves, commit, put_back, release, reserve};
use crate::domain::notification::{Channel, Kind};
use crate::domain::payment::PaymentStatus;
use crate::domain::saga::{Effect, State};
use crate::domain::{OrderStatus, Sku};
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

    pub fn payments(&self) -> Vec<OutcomeRule> {
        use PaymentStatus::{Cancelled, Declined, Refunded, Taken};
        let outcome =
            |fate: Fate, beside: Option<PaymentStatus>| match (self.is_coming_back(fate), self.is_sold(fate), beside) {
                (true, _, Some(Taken | Refunded)) | (false, true, Some(Taken)) => Outcome::Fine,
                (true, _, None | Some(Declined | Cancelled)) => Outcome::Wrong,
                (false, true, None | Some(Declined | Cancelled | Refunded)) => Outcome::Wrong,
                (false, false, Some(Taken)) if fate.status.is_settled() => Outcome::Awaited,
                (false, false, None | Some(Taken | Declined | Cancelled | Refunded)) => Outcome::Fine,
            };
        let beside = [None, Some(Taken), Some(Declined), Some(Cancelled), Some(Refunded)];
        self.table(&beside, |beside| beside.map_or("", PaymentStatus::as_str), outcome)
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

    /// The columns of the statistics are named after the events that they count.
    pub fn figures(&self) -> Vec<FigureRule> {
        let mut rules: Vec<FigureRule> = Vec::new();
        for event in self.events().iter().filter(|event| event.required) {
            let column = event.routing_key.strip_prefix("order.").unwrap_or(event.routing_key);
            match rules.iter_mut().find(|rule| rule.column == column) {
                Some(rule) => rule.fates.push(event.fate),
                None => rules.push(FigureRule { column, fates: vec![event.fate], money: false }),
            }
        }
        let of = |wanted: &dyn Fn(Fate) -> bool| self.judged.iter().copied().filter(|fate| wanted(*fate)).collect();
        let cancelled = |fate: Fate| fate == Fate::new(OrderStatus::Cancelled, true);
        rules.push(FigureRule { column: "revenue", fates: of(&|fate| fate.was_confirmed), money: true });
        rules.push(FigureRule { column: "refunded", fates: of(&cancelled), money: true });
        rules
    }
}

/// What each kind of movement does to a shelf, asked of the functions that do it.
pub fn units_moved() -> Vec<UnitsMoved> {
    let mut units = vec![
        // Written by `store::products`.
        UnitsMoved { kind: "initial", on_hand: 1, reserved: 0 },
        UnitsMoved { kind: "adjust", on_hand: 1, reserved: 0 },
    ];
    let Ok(sku) = Sku::parse("one") else { return units };
    let before = Shelf { on_hand: 2, reserved: 1 };
    let line = [Line { sku: sku.clone(), quantity: 1 }];
    for movement in [Movement::Reserve, Movement::Release, Movement::Commit, Movement::Return] {
        let mut shelves = Shelves::from([(sku.clone(), before)]);
        match movement {
            Movement::Reserve => drop(reserve(&mut shelves, &line)),
            Movement::Release => release(&mut shelves, &line),
            Movement::Commit => commit(&mut shelves, &line),
            Movement::Return => put_back(&mut shelves, &line),
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
        assert_eq!(fates("refunded"), &[Fate::new(OrderStatus::Cancelled, true)]);
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
