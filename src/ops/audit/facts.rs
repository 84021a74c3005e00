//! What the saga can do, found out by walking it: every state it reaches, every change, and what has happened for certain, or
//! perhaps, to an order in each state. So the audit follows the saga when the saga changes.

use crate::domain::OrderStatus;
use crate::domain::saga::{Decision, Effect, Input, State, Step, decide};

/// One state and what led to it.
#[derive(Clone, Debug)]
pub struct Reached {
    pub state: State,
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
        let start = Reached { state: State::NEW, certain: Vec::new(), possible: Vec::new() };
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
                        learned |=
                            self.arrive(next, &joined(&from.certain, &effects), &joined(&from.possible, &effects));
                    }
                    Decision::Repair { effects } => learned |= add(&mut self.states[place].possible, &effects),
                    Decision::Ignore => {}
                }
            }
        }
        learned
    }

    fn arrive(&mut self, state: State, certain: &[Effect], possible: &[Effect]) -> bool {
        let Some(known) = self.states.iter_mut().find(|known| known.state == state) else {
            self.states.push(Reached { state, certain: certain.to_vec(), possible: possible.to_vec() });
            return true;
        };
        let before = known.certain.len();
        known.certain.retain(|effect| certain.contains(effect));
        let grown = add(&mut known.possible, possible);
        known.certain.len() < before || grown
    }

    /// The statuses that the saga leads to.
    pub fn statuses(&self) -> Vec<OrderStatus> {
        OrderStatus::ALL.into_iter().filter(|status| self.in_status(*status).next().is_some()).collect()
    }

    /// What has happened to every order in this status.
    pub fn certain(&self, status: OrderStatus) -> Vec<Effect> {
        let mut states = self.in_status(status);
        let mut certain = states.next().map_or_else(Vec::new, |first| first.certain.clone());
        states.for_each(|other| certain.retain(|effect| other.certain.contains(effect)));
        certain
    }

    /// What may have happened to an order in this status.
    pub fn possible(&self, status: OrderStatus) -> Vec<Effect> {
        self.in_status(status).fold(Vec::new(), |all, reached| joined(&all, &reached.possible))
    }

    /// What follows from money that was given back, and from nothing else.
    pub fn of_refund(&self) -> Vec<Effect> {
        let told = |refunded| {
            self.states.iter().fold(Vec::new(), |all, reached| {
                match decide(&reached.state, &Input::PaymentCancelled { refunded }) {
                    Decision::Proceed { effects, .. } | Decision::Repair { effects } => joined(&all, &effects),
                    Decision::Ignore => all,
                }
            })
        };
        let without = told(false);
        told(true).into_iter().filter(|effect| !without.contains(effect)).collect()
    }

    fn in_status(&self, status: OrderStatus) -> impl Iterator<Item = &Reached> {
        self.states.iter().filter(move |reached| reached.state.status == status)
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
        Input::PaymentCancelled { refunded: true } => deadline(&Step::ReservingStock),
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
        Step::ReleasingStock { .. } => None,
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
        let certain = Facts::learn().certain(OrderStatus::Confirmed);
        for effect in [Effect::Announce("order.created"), Effect::CommitStock, Effect::Notify(Kind::OrderConfirmation)]
        {
            assert!(certain.contains(&effect), "{effect:?}");
        }
    }

    #[test]
    fn a_failed_order_may_have_been_refunded_but_was_not_for_certain() {
        let facts = Facts::learn();
        let refund = Effect::Notify(Kind::OrderRefunded);
        assert!(facts.possible(OrderStatus::Failed).contains(&refund));
        assert!(!facts.certain(OrderStatus::Failed).contains(&refund));
        assert!(facts.certain(OrderStatus::Failed).contains(&Effect::Notify(Kind::OrderFailed)));
        assert_eq!(facts.of_refund(), [refund, Effect::Announce("order.refunded")]);
    }

    #[test]
    fn every_step_and_no_status_beyond_the_sagas_is_reached() {
        let facts = Facts::learn();
        for step in steps() {
            assert!(facts.states.iter().any(|reached| step_name(&reached.state) == Some(step.as_str())));
        }
        use OrderStatus::{Confirmed, Failed, Pending, Processing};
        assert_eq!(facts.statuses(), [Pending, Processing, Confirmed, Failed]);
    }
}
