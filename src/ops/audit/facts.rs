//! What the saga can do, found out by walking it: every state it reaches, every change, and what has happened for certain, or
//! perhaps, to an order in each state. So the audit follows the saga when the saga changes.
//!
//! A cancelled order that had been confirmed has another past than one that never was. The walk keeps them apart, as the database
//! does ([`Fate`]).

use crate::domain::OrderStatus;
use crate::domain::saga::{Decision, Effect, Input, State, Step, decide};
use crate::store::audit::Fate;

/// One state and what led to it.
#[derive(Clone, Debug)]
pub struct Reached {
    pub state: State,
    pub was_confirmed: bool,
    /// Effects of every way that leads here.
    pub certain: Vec<Effect>,
    /// Effects of any way that leads here, repairs included.
    pub possible: Vec<Effect>,
}

/// One change of state and the input that makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub from: State,
    pub event: &'static str,
    pub to: State,
}

#[derive(Clone, Debug)]
pub struct Facts {
    pub states: Vec<Reached>,
    pub changes: Vec<Change>,
}

impl Facts {
    /// Walks the saga until nothing new is learned. Certainty only shrinks and possibility only grows, so it ends.
    pub fn learn() -> Self {
        let start = Reached { state: State::NEW, was_confirmed: false, certain: Vec::new(), possible: Vec::new() };
        let mut facts = Self { states: vec![start], changes: Vec::new() };
        while facts.walk_once() {}
        facts
    }

    fn walk_once(&mut self) -> bool {
        let mut learned = false;
        for place in 0..self.states.len() {
            for input in inputs() {
                let from = self.states[place].clone();
                match decide(&from.state, &input) {
                    Decision::Proceed { next, effects, .. } => {
                        let change = Change { from: from.state.clone(), event: input.as_str(), to: next.clone() };
                        if !self.changes.contains(&change) {
                            self.changes.push(change);
                        }
                        learned |= self.arrive(Reached {
                            was_confirmed: from.was_confirmed || next.status == OrderStatus::Confirmed,
                            state: next,
                            certain: joined(&from.certain, &effects),
                            possible: joined(&from.possible, &effects),
                        });
                    }
                    Decision::Repair { effects } => learned |= add(&mut self.states[place].possible, &effects),
                    Decision::Ignore | Decision::Refuse => {}
                }
            }
        }
        learned
    }

    fn arrive(&mut self, reached: Reached) -> bool {
        let same = |known: &&mut Reached| known.state == reached.state && known.was_confirmed == reached.was_confirmed;
        let Some(known) = self.states.iter_mut().find(same) else {
            self.states.push(reached);
            return true;
        };
        let before = known.certain.len();
        known.certain.retain(|effect| reached.certain.contains(effect));
        let grown = add(&mut known.possible, &reached.possible);
        known.certain.len() < before || grown
    }

    /// The fates that the saga leads to.
    pub fn fates(&self) -> Vec<Fate> {
        let mut fates: Vec<Fate> = Vec::new();
        for status in OrderStatus::ALL {
            for reached in self.states.iter().filter(|reached| reached.state.status == status) {
                let fate = Fate::new(status, reached.was_confirmed);
                if !fates.contains(&fate) {
                    fates.push(fate);
                }
            }
        }
        fates
    }

    /// What has happened to every order with this fate.
    pub fn certain(&self, fate: Fate) -> Vec<Effect> {
        let mut states = self.with_fate(fate);
        let mut certain = states.next().map_or_else(Vec::new, |first| first.certain.clone());
        states.for_each(|other| certain.retain(|effect| other.certain.contains(effect)));
        certain
    }

    /// What may have happened to an order with this fate.
    pub fn possible(&self, fate: Fate) -> Vec<Effect> {
        self.with_fate(fate).fold(Vec::new(), |all, reached| joined(&all, &reached.possible))
    }

    /// What follows from money that was given back, and from nothing else.
    pub fn of_refund(&self) -> Vec<Effect> {
        let told = |refunded| {
            self.states.iter().fold(Vec::new(), |all, reached| {
                match decide(&reached.state, &Input::PaymentCancelled { refunded }) {
                    Decision::Proceed { effects, .. } | Decision::Repair { effects } => joined(&all, &effects),
                    Decision::Ignore | Decision::Refuse => all,
                }
            })
        };
        let without = told(false);
        told(true).into_iter().filter(|effect| !without.contains(effect)).collect()
    }

    fn with_fate(&self, fate: Fate) -> impl Iterator<Item = &Reached> {
        self.states.iter().filter(move |reached| Fate::new(reached.state.status, reached.was_confirmed) == fate)
    }
}

/// The name of the step, as the database keeps it.
pub fn step_name(state: &State) -> Option<&'static str> {
    state.step.as_ref().map(Step::as_str)
}

fn add(all: &mut Vec<Effect>, more: &[Effect]) -> bool {
    let before = all.len();
    for effect in more {
        if !all.contains(effect) {
            all.push(effect.clone());
        }
    }
    all.len() > before
}

fn joined(some: &[Effect], more: &[Effect]) -> Vec<Effect> {
    let mut all = some.to_vec();
    add(&mut all, more);
    all
}

/// One input of each kind, and a passed deadline of each step.
fn inputs() -> Vec<Input> {
    std::iter::successors(Some(Input::Submitted), after).collect()
}

/// The next input to try: exhaustive, so that the compiler asks for a place for every new input.
fn after(input: &Input) -> Option<Input> {
    let deadline = |step: &Step| Some(Input::DeadlinePassed { step: step.as_str().to_owned() });
    match input {
        Input::Submitted => Some(Input::StockReserved),
        Input::StockReserved => Some(Input::StockRejected { shortages: Vec::new() }),
        Input::StockRejected { .. } => Some(Input::StockReleased),
        Input::StockReleased => Some(Input::StockCommitted),
        Input::StockCommitted => Some(Input::PaymentTaken),
        Input::PaymentTaken => Some(Input::PaymentDeclined { code: String::new() }),
        Input::PaymentDeclined { .. } => Some(Input::PaymentCancelled { refunded: false }),
        Input::PaymentCancelled { refunded: false } => Some(Input::PaymentCancelled { refunded: true }),
        Input::PaymentCancelled { refunded: true } => Some(Input::StockReturned),
        Input::StockReturned => Some(Input::CancelRequested),
        Input::CancelRequested => Some(Input::ShipmentReported { repeated: false }),
        Input::ShipmentReported { repeated: false } => Some(Input::ShipmentReported { repeated: true }),
        Input::ShipmentReported { repeated: true } => Some(Input::DeliveryReported),
        Input::DeliveryReported => deadline(&Step::ReservingStock),
        Input::DeadlinePassed { step } => {
            let steps = steps();
            let place = steps.iter().position(|known| known.as_str() == step)?;
            match steps.get(place + 1) {
                Some(next) => deadline(next),
                None => Some(Input::RefundRequested),
            }
        }
        Input::RefundRequested => None,
    }
}

fn steps() -> Vec<Step> {
    std::iter::successors(Some(Step::ReservingStock), |step| match step {
        Step::ReservingStock => Some(Step::TakingPayment),
        Step::TakingPayment => Some(Step::CancellingPayment { reason: REASON }),
        Step::CancellingPayment { .. } => Some(Step::ReleasingStock { reason: REASON }),
        Step::ReleasingStock { .. } => Some(Step::RefundingPayment { reason: REASON }),
        Step::RefundingPayment { .. } => Some(Step::ReturningStock { reason: REASON }),
        Step::ReturningStock { .. } => None,
    })
    .collect()
}

/// Any: only the names of the steps are used.
const REASON: crate::domain::saga::FailureReason = crate::domain::saga::FailureReason::InventoryTimeout;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::notification::Kind;

    #[test]
    fn a_confirmed_order_was_announced_sold_and_told_for_certain() {
        let certain = Facts::learn().certain(Fate::new(OrderStatus::Confirmed, true));
        for effect in [Effect::Announce("order.created"), Effect::CommitStock, Effect::Notify(Kind::OrderConfirmation)]
        {
            assert!(certain.contains(&effect), "{effect:?}");
        }
    }

    #[test]
    fn a_failed_order_may_have_been_refunded_but_was_not_for_certain() {
        let facts = Facts::learn();
        let failed = Fate::new(OrderStatus::Failed, false);
        let refund = Effect::Notify(Kind::OrderRefunded);
        assert!(facts.possible(failed).contains(&refund));
        assert!(!facts.certain(failed).contains(&refund));
        assert!(facts.certain(failed).contains(&Effect::Notify(Kind::OrderFailed)));
        assert_eq!(facts.of_refund(), [refund, Effect::Announce("order.refunded")]);
    }

    #[test]
    fn a_cancelled_order_has_one_of_two_pasts() {
        let facts = Facts::learn();
        let (before, after) = (Fate::new(OrderStatus::Cancelled, false), Fate::new(OrderStatus::Cancelled, true));
        assert!(!facts.possible(before).contains(&Effect::CommitStock));
        for effect in [Effect::CommitStock, Effect::CancelPayment, Effect::ReturnStock] {
            assert!(facts.certain(after).contains(&effect), "{effect:?}");
        }
        for effect in [Effect::Announce("order.created"), Effect::Notify(Kind::OrderCancelled)] {
            assert!(facts.certain(before).contains(&effect) && facts.certain(after).contains(&effect), "{effect:?}");
        }
    }

    #[test]
    fn every_step_and_every_status_is_reached() {
        let facts = Facts::learn();
        for step in steps() {
            assert!(facts.states.iter().any(|reached| step_name(&reached.state) == Some(step.as_str())), "{step:?}");
        }
        for status in OrderStatus::ALL {
            assert!(facts.states.iter().any(|reached| reached.state.status == status), "{status}");
        }
        assert_eq!(facts.fates().len(), OrderStatus::ALL.len() + 2, "processing and cancelled have two pasts");
    }
}
