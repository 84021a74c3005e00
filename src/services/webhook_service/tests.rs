//! What becomes of a delivery, by what came of its call.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};

use super::*;

const ENDPOINT: Uuid = Uuid::from_u128(1);

fn delivery(attempt: u32, fetched: Ending) -> Delivery<WebhookService> {
    let mut table = FieldTable::default();
    table.insert(headers::ATTEMPT.into(), AMQPValue::LongUInt(attempt));
    let properties = BasicProperties::default().with_headers(table);
    let incoming = Incoming::read("", names::WEBHOOK_DELIVERIES, properties, b"{}".to_vec());
    Delivery { incoming, message: Deliver { delivery_id: Uuid::nil(), forced: false }, fetched }
}

fn called(status: u16, is_ping: bool, is_down: Option<usize>) -> Ending {
    let error = (status >= 300).then(|| format!("answered {status}"));
    let attempt = Attempt { status: Some(status), error, ..refused(String::new()) };
    Ending::Called { endpoint: ENDPOINT, is_ping, attempt, is_down }
}

fn judged(delivery: &Delivery<WebhookService>, disabled: bool) -> (Option<DeliveryState>, Outcome) {
    let disabled = disabled.then_some(ENDPOINT).into_iter().collect();
    let mut announcements = BTreeMap::new();
    if let Ok(message) = Outgoing::json(Uuid::nil(), names::EVENTS, DISABLED, DISABLED, &()) {
        announcements.insert(ENDPOINT, message);
    }
    judge(delivery, &disabled, &mut announcements)
}

#[test]
fn a_failure_climbs_the_ladder_and_at_its_end_is_given_up() {
    for (attempt, expected) in [(1, DeliveryState::Pending), (4, DeliveryState::Pending), (5, DeliveryState::Failed)] {
        let (state, outcome) = judged(&delivery(attempt, called(500, false, None)), false);
        assert_eq!(state, Some(expected), "attempt {attempt}");
        assert!(matches!(outcome, Outcome::Failed(Failure::Transient(_))));
    }
}

#[test]
fn while_the_endpoint_is_down_nothing_is_given_up() {
    let (state, outcome) = judged(&delivery(5, called(500, false, Some(2))), false);
    assert_eq!(state, Some(DeliveryState::Pending));
    assert!(matches!(outcome, Outcome::Failed(Failure::NotNow { rung: 2, .. })));
}

#[test]
fn what_a_disabled_endpoint_did_not_take_is_held_and_everybody_is_told_once() {
    let (state, outcome) = judged(&delivery(5, called(500, false, None)), true);
    assert_eq!(state, Some(DeliveryState::Held));
    assert!(matches!(outcome, Outcome::Done(told) if told.len() == 1));
}

#[test]
fn a_ping_is_tried_once_and_what_needs_no_call_is_done() {
    let (state, outcome) = judged(&delivery(1, called(500, true, None)), false);
    assert_eq!(state, Some(DeliveryState::Failed));
    assert!(matches!(outcome, Outcome::Done(_)));
    for (ending, expected) in
        [(Ending::Held, Some(DeliveryState::Held)), (Ending::Repeated, None), (Ending::Vanished, None)]
    {
        let (state, outcome) = judged(&delivery(1, ending), false);
        assert_eq!(state, expected);
        assert!(matches!(outcome, Outcome::Done(told) if told.is_empty()));
    }
}

#[test]
fn one_success_in_a_batch_says_that_the_endpoint_is_not_failing() {
    let deliveries = [delivery(1, called(500, false, None)), delivery(1, called(200, false, None))];
    let results = Results::of(&deliveries.iter().collect::<Vec<_>>());
    assert_eq!((results.succeeded.len(), results.failed.len()), (1, 0));
    let pings = [delivery(1, called(500, true, None)), delivery(1, called(410, true, None))];
    let results = Results::of(&pings.iter().collect::<Vec<_>>());
    assert!(results.failed.is_empty() && results.gone.is_empty(), "a ping is held against nobody");
    let gone = [delivery(1, called(410, false, None)), delivery(1, called(410, false, None))];
    let results = Results::of(&gone.iter().collect::<Vec<_>>());
    assert_eq!(results.failed.get(&ENDPOINT), Some(&2));
    assert!(results.gone.contains(&ENDPOINT));
}
