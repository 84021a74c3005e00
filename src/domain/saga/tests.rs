//! The saga walked in every order: whatever arrives, it ends, and what ended without success holds neither stock nor money.

use proptest::prelude::*;

use super::*;

fn input() -> impl Strategy<Value = Input> {
    let step = prop_oneof![
        Just("reserving_stock"),
        Just("taking_payment"),
        Just("cancelling_payment"),
        Just("releasing_stock"),
        Just("refunding_payment"),
        Just("returning_stock")
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
        Just(Input::StockReturned),
        step.prop_map(|step| Input::DeadlinePassed { step: step.into() }),
        Just(Input::CancelRequested),
        any::<bool>().prop_map(|repeated| Input::ShipmentReported { repeated }),
        Just(Input::DeliveryReported),
        Just(Input::RefundRequested),
    ]
}

/// Answers that belong together, so that walks get far, with anything between them.
fn inputs() -> impl Strategy<Value = Vec<Input>> {
    let happy = prop::collection::vec(
        prop_oneof![
            3 => Just(vec![Input::Submitted, Input::StockReserved, Input::PaymentTaken]),
            1 => Just(vec![Input::PaymentCancelled { refunded: true }, Input::StockReturned]),
            1 => Just(vec![Input::PaymentCancelled { refunded: false }, Input::StockReleased]),
            4 => input().prop_map(|input| vec![input]),
        ],
        0..30,
    );
    happy.prop_map(|parts| parts.concat())
}

fn is_request(input: &Input) -> bool {
    matches!(
        input,
        Input::CancelRequested | Input::ShipmentReported { .. } | Input::DeliveryReported | Input::RefundRequested
    )
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
        Decision::Ignore | Decision::Refuse => (state, all),
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
    assert_eq!(decide(&State::waiting(Step::TakingPayment), &Input::RefundRequested), Decision::Refuse);
}

#[test]
fn a_deadline_of_an_earlier_step_is_ignored() {
    let paying = State::waiting(Step::TakingPayment);
    assert_eq!(decide(&paying, &Input::DeadlinePassed { step: "reserving_stock".into() }), Decision::Ignore);
}

const PAID: [Input; 3] = [Input::Submitted, Input::StockReserved, Input::PaymentTaken];

#[test]
fn a_cancelled_order_is_undone_from_wherever_it_stood() {
    use Effect::{CancelPayment, ReleaseStock, ReturnStock};
    let void = Input::PaymentCancelled { refunded: false };
    let refund = Input::PaymentCancelled { refunded: true };
    for (before, after, undone) in [
        (0, vec![], vec![]),
        (1, vec![Input::StockReleased], vec![ReleaseStock]),
        (2, vec![void, Input::StockReleased], vec![CancelPayment, ReleaseStock]),
        (3, vec![refund, Input::StockReturned], vec![CancelPayment, ReturnStock]),
    ] {
        let mut inputs = PAID[..before].to_vec();
        inputs.push(Input::CancelRequested);
        inputs.extend(after);
        let (state, effects) = walk(&inputs);
        assert_eq!(state, State { status: OrderStatus::Cancelled, step: None }, "{inputs:?}");
        let undoing = |effect: &&Effect| [CancelPayment, ReleaseStock, ReturnStock].contains(effect);
        assert_eq!(effects.iter().filter(undoing).cloned().collect::<Vec<_>>(), undone, "{inputs:?}");
        assert!(effects.contains(&Effect::Announce("order.created")), "{inputs:?}");
    }
}

#[test]
fn a_cancellation_during_the_undoing_changes_only_how_it_ends() {
    let declined = Input::PaymentDeclined { code: "x".into() };
    let (state, effects) =
        walk(&[Input::Submitted, Input::StockReserved, declined, Input::CancelRequested, Input::StockReleased]);
    assert_eq!(state.status, OrderStatus::Cancelled);
    assert!(!effects.contains(&Effect::Notify(Kind::OrderFailed)));
}

#[test]
fn what_may_be_asked_for_depends_on_where_the_order_stands() {
    use OrderStatus::{Cancelled, Confirmed, Delivered, Failed, Pending, Shipped};
    for (status, expected) in [
        (Pending, vec![Cancelled]),
        (Confirmed, vec![Shipped, Cancelled]),
        (Shipped, vec![Delivered]),
        (Delivered, vec![]),
        (Failed, vec![]),
        (Cancelled, vec![]),
    ] {
        assert_eq!(allowed(&State::settled(status)), expected, "{status}");
    }
    assert_eq!(allowed(&State::waiting(Step::TakingPayment)), [Cancelled]);
    assert_eq!(allowed(&State::waiting(Step::RefundingPayment { reason: FailureReason::Cancelled })), []);
}

proptest! {
    #[test]
    fn whatever_arrives_the_customer_is_told_each_thing_once_and_only_what_is_true(inputs in inputs()) {
        let (state, effects) = walk(&inputs);
        let told = |kind| effects.iter().filter(|effect| **effect == Effect::Notify(kind)).count();
        let is = |statuses: &[OrderStatus]| usize::from(statuses.contains(&state.status));
        use OrderStatus::{Cancelled, Confirmed, Delivered, Failed, Shipped};
        prop_assert_eq!(told(Kind::OrderFailed), is(&[Failed]));
        prop_assert_eq!(told(Kind::OrderCancelled), is(&[Cancelled]));
        prop_assert_eq!(told(Kind::OrderShipped), is(&[Shipped, Delivered]));
        prop_assert_eq!(told(Kind::OrderDelivered), is(&[Delivered]));
        prop_assert!(told(Kind::OrderConfirmation) <= 1);
        prop_assert!(told(Kind::OrderConfirmation) >= is(&[Confirmed, Shipped, Delivered]));
        prop_assert!(told(Kind::OrderConfirmation) + told(Kind::OrderFailed) <= 1);
        prop_assert_eq!(state.status.is_settled() || state == State::NEW, state.step.is_none());
    }

    #[test]
    fn stock_is_sold_only_with_a_payment_and_comes_back_only_with_the_refund(inputs in inputs()) {
        let (state, effects) = walk(&inputs);
        let place = |wanted: Effect| effects.iter().position(|effect| *effect == wanted);
        let (sold, paid) = (place(Effect::CommitStock), place(Effect::TakePayment));
        prop_assert!(sold.is_none() || paid < sold);
        match (sold, state.status) {
            (Some(at), OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered) => {
                for undoing in [Effect::ReleaseStock, Effect::ReturnStock, Effect::CancelPayment] {
                    prop_assert!(!effects[at..].contains(&undoing), "{undoing:?}");
                }
            }
            (None, OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered) => prop_assert!(false),
            (Some(_), OrderStatus::Failed) => prop_assert!(false, "sold and failed"),
            (Some(at), OrderStatus::Cancelled) => {
                let refund = effects[at..].iter().position(|effect| *effect == Effect::CancelPayment);
                let back = effects[at..].iter().position(|effect| *effect == Effect::ReturnStock);
                prop_assert!(refund.is_some() && refund < back);
            }
            (_, _) => prop_assert!(sold.is_some() || place(Effect::ReturnStock).is_none()),
        }
    }

    #[test]
    fn what_is_under_way_to_the_customer_is_never_cancelled(inputs in inputs()) {
        let (state, effects) = walk(&inputs);
        let shipped = effects.contains(&Effect::Announce("order.shipped"));
        prop_assert_eq!(shipped, matches!(state.status, OrderStatus::Shipped | OrderStatus::Delivered));
    }

    #[test]
    fn only_people_are_refused_and_always_told_the_truth_about_what_is_allowed(inputs in inputs(), last in input()) {
        let (state, _) = walk(&inputs);
        let decision = decide(&state, &last);
        prop_assert!(decision != Decision::Refuse || is_request(&last));
        if let (Input::RefundRequested, Decision::Proceed { next, .. }) = (&last, &decision) {
            prop_assert_eq!(next, &state);
            prop_assert!(matches!(state.status, OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered));
        } else if let (true, Decision::Proceed { .. }) = (is_request(&last), &decision) {
            let goal = match last {
                Input::CancelRequested => OrderStatus::Cancelled,
                Input::DeliveryReported => OrderStatus::Delivered,
                _ => OrderStatus::Shipped,
            };
            prop_assert!(allowed(&state).contains(&goal));
        }
    }

    #[test]
    fn every_input_repeated_at_once_changes_nothing(inputs in inputs()) {
        let twice: Vec<Input> = inputs
            .iter()
            .flat_map(|input| match input {
                Input::ShipmentReported { .. } => [input.clone(), Input::ShipmentReported { repeated: true }],
                _ => [input.clone(), input.clone()],
            })
            .collect();
        prop_assert_eq!(walk(&inputs).0, walk(&twice).0);
    }

    #[test]
    fn answers_to_what_is_awaited_always_end_the_saga(inputs in inputs()) {
        let mut all = vec![Input::Submitted];
        all.extend(inputs);
        let refunded = Input::PaymentCancelled { refunded: true };
        all.extend([Input::StockReserved, Input::PaymentTaken, refunded, Input::StockReleased, Input::StockReturned]);
        prop_assert!(walk(&all).0.status.is_settled());
    }
}
