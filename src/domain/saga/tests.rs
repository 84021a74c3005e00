//! The saga walked in every order: whatever arrives, it ends, and what ended without success holds neither stock nor money.

use proptest::prelude::*;

use super::*;

fn input() -> impl Strategy<Value = Input> {
    let step = prop_oneof![
        Just("reserving_stock"),
        Just("taking_payment"),
        Just("cancelling_payment"),
        Just("releasing_stock")
    ];
    prop_oneof![
        Just(Input::Submitted),
        Just(Input::StockReserved),
        Just(Input::StockRejected { shortages: vec!["A".into()] }),
        Just(Input::StockReleased),
        Just(Input::StockCommitted),
        Just(Input::PaymentTaken),
        Just(Input::PaymentDeclined { code: "insufficient_funds".into() }),
        any::<bool>().prop_map(|refunded| Input::PaymentCancelled { refunded }),
        step.prop_map(|step| Input::DeadlinePassed { step: step.into() }),
        Just(Input::RefundRequested),
    ]
}

fn walk(inputs: &[Input]) -> (State, Vec<Effect>) {
    inputs.iter().fold((State::NEW, Vec::new()), |(state, mut all), input| match decide(&state, input) {
        Decision::Proceed { next, effects, .. } => {
            all.extend(effects);
            (next, all)
        }
        Decision::Repair { effects } => {
            all.extend(effects);
            (state, all)
        }
        Decision::Ignore => (state, all),
    })
}

#[test]
fn the_happy_path_reserves_charges_commits_and_tells() {
    let (state, effects) = walk(&[Input::Submitted, Input::StockReserved, Input::PaymentTaken]);
    assert_eq!(state, State { status: OrderStatus::Confirmed, step: None });
    assert_eq!(
        effects,
        [
            Effect::Announce("order.created"),
            Effect::ReserveStock,
            Effect::TakePayment,
            Effect::CommitStock,
            Effect::Announce("order.confirmed"),
            Effect::Notify(Kind::OrderConfirmation),
        ]
    );
}

#[test]
fn a_declined_payment_gives_the_stock_back_before_the_order_fails() {
    let declined = Input::PaymentDeclined { code: "do_not_honor".into() };
    let (state, effects) = walk(&[Input::Submitted, Input::StockReserved, declined.clone()]);
    assert_eq!(state.status, OrderStatus::Processing);
    assert_eq!(effects.last(), Some(&Effect::ReleaseStock));
    let (state, effects) = walk(&[Input::Submitted, Input::StockReserved, declined, Input::StockReleased]);
    assert_eq!(state, State { status: OrderStatus::Failed, step: None });
    assert!(effects.contains(&Effect::Notify(Kind::OrderFailed)));
}

#[test]
fn a_payment_that_answers_after_the_order_failed_is_cancelled() {
    let mut inputs = vec![
        Input::Submitted,
        Input::StockReserved,
        Input::DeadlinePassed { step: "taking_payment".into() },
        Input::PaymentCancelled { refunded: false },
        Input::StockReleased,
    ];
    assert_eq!(walk(&inputs).0.status, OrderStatus::Failed);
    inputs.push(Input::PaymentTaken);
    assert_eq!(walk(&inputs).1.last(), Some(&Effect::CancelPayment));
}

#[test]
fn a_paid_order_is_refunded_and_stays_what_it_is() {
    let paid = [Input::Submitted, Input::StockReserved, Input::PaymentTaken];
    let (state, _) = walk(&paid);
    let (after, effects) =
        walk(&[&paid[..], &[Input::RefundRequested, Input::PaymentCancelled { refunded: true }]].concat());
    assert_eq!(after, state);
    assert_eq!(
        effects[effects.len() - 3..],
        [Effect::RefundPayment, Effect::Announce("order.refunded"), Effect::Notify(Kind::OrderRefunded)]
    );
    assert_eq!(decide(&State::waiting(Step::TakingPayment), &Input::RefundRequested), Decision::Ignore);
}

#[test]
fn a_deadline_of_an_earlier_step_is_ignored() {
    let paying = State::waiting(Step::TakingPayment);
    assert_eq!(decide(&paying, &Input::DeadlinePassed { step: "reserving_stock".into() }), Decision::Ignore);
}

proptest! {
    #[test]
    fn whatever_arrives_a_settled_order_is_told_to_the_customer_exactly_once(
        inputs in prop::collection::vec(input(), 0..40)
    ) {
        let (state, effects) = walk(&inputs);
        let told = effects
            .iter()
            .filter(|e| matches!(e, Effect::Notify(Kind::OrderConfirmation | Kind::OrderFailed)))
            .count();
        prop_assert_eq!(told, usize::from(state.status.is_settled()));
        prop_assert_eq!(state.status.is_settled() || state == State::NEW, state.step.is_none());
    }

    #[test]
    fn stock_is_committed_only_with_a_payment_and_never_released_after(
        inputs in prop::collection::vec(input(), 0..40)
    ) {
        let (state, effects) = walk(&inputs);
        let committed = effects.iter().position(|e| *e == Effect::CommitStock);
        prop_assert_eq!(committed.is_some(), state.status == OrderStatus::Confirmed);
        if let Some(at) = committed {
            prop_assert!(!effects[at..].contains(&Effect::ReleaseStock));
            prop_assert!(!effects[at..].contains(&Effect::CancelPayment));
        }
    }

    #[test]
    fn every_input_repeated_at_once_changes_nothing(inputs in prop::collection::vec(input(), 0..20)) {
        let twice: Vec<Input> = inputs.iter().flat_map(|i| [i.clone(), i.clone()]).collect();
        prop_assert_eq!(walk(&inputs).0, walk(&twice).0);
    }

    #[test]
    fn answers_to_what_is_awaited_always_end_the_saga(
        inputs in prop::collection::vec(input(), 0..20)
    ) {
        let mut all = vec![Input::Submitted];
        all.extend(inputs);
        all.extend([Input::StockReserved, Input::PaymentTaken, Input::PaymentCancelled { refunded: false }, Input::StockReleased]);
        prop_assert!(walk(&all).0.status.is_settled());
    }
}
