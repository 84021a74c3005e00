//! One message kills every process that takes it, and every process is started again, as Kubernetes does. After four deaths, two of
//! them alone, the operator has the message with the evidence, and nobody else has suffered.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::lane::Lane;
use super::programs::Programs;
use crate::support::amqp::identified;
use crate::support::order_of;

/// The first is noticed when it comes back, the second makes it a suspect, two alone prove it (`messaging::isolate`). Copies that its
/// cause publishes again after a death add none.
const DEATHS: usize = 4;
/// Whatever still kills has shown itself by then.
const QUIET: Duration = Duration::from_secs(2);
const NEIGHBOURS: i64 = 12;
/// Five starts, and the neighbours one after the other.
const LONGEST: Duration = Duration::from_secs(60);

fn order(token: &str) -> (String, Value) {
    let id = Uuid::new_v4().to_string();
    let mut order = order_of("WIDGET-01", 1);
    order["id"] = json!(id);
    order["payment_token"] = json!(token);
    (id, order)
}

/// With `copies`, its cause publishes the message again after every death, as one does whose input comes back unacknowledged.
async fn is_buried_alone(role: &str, queue: &str, copies: bool) {
    let mut lane = Lane::set(Programs::build().await).await;
    let place = format!("{role}/poison/tok_poison");
    let (poison, body) = order("tok_poison");
    let first = identified(&Uuid::new_v4().to_string());
    for number in 0..=NEIGHBOURS {
        let (properties, order) = match number == NEIGHBOURS / 2 {
            true => (first.clone(), body.clone()),
            false => (identified(&Uuid::new_v4().to_string()), order("tok_visa").1),
        };
        lane.client.publish_json("orders", "process", properties, &order).await;
    }
    let buried = "select reason, error, queue, state, order_id::text from dead_letters";
    let deadline = Instant::now() + LONGEST;
    let mut deaths = 0;
    let mut quiet_since = None;
    let mut fleet = lane.start_fleet(Some(&place));
    let letters: Vec<(String, String, String, String, String)> = loop {
        if fleet.has_died() {
            deaths += 1;
            quiet_since = None;
            if copies {
                lane.client.publish_json("orders", "process", first.clone(), &body).await;
            }
            fleet = lane.start_fleet(Some(&place));
        }
        let letters = sqlx::query_as(buried).fetch_all(&lane.database.pool).await.expect("dead letters");
        let confirmed = lane.database.number("select count(*) from orders where status = 'confirmed'").await;
        let is_done = !letters.is_empty() && confirmed == NEIGHBOURS;
        if is_done && quiet_since.get_or_insert_with(Instant::now).elapsed() > QUIET {
            break letters;
        }
        assert!(
            Instant::now() < deadline,
            "{deaths} deaths, {confirmed} confirmed, {letters:?}\n{}",
            fleet.last_words()
        );
        sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(deaths, DEATHS, "{letters:?}\n{}", fleet.last_words());
    assert_eq!(letters.len(), 1, "{letters:?}");
    let (reason, error, from, state, about) = &letters[0];
    assert_eq!((reason.as_str(), from.as_str(), state.as_str(), about), ("poisonous", queue, "unresolved", &poison));
    assert_eq!(error, "the process died 2 times while it ran this message alone");
    for _ in 0..NEIGHBOURS {
        lane.expected.one_confirmed(1);
    }
    lane.expected.unresolved = 1;
    if role == "payment-service" {
        // the stock it holds is given back when the payment is overdue
        lane.database.execute("update sagas set deadline = now() - interval '1 second'").await;
        lane.expected.one_failed();
        lane.expected.announced(1);
        lane.expected.cancelled = 1;
    }
    // remembered, so that a copy that comes late goes the same way
    lane.expected.suspects = 1;
    lane.comes_to_rest(fleet, &place).await;
}

#[tokio::test]
async fn a_payment_that_kills_the_process_is_dead_lettered_with_the_evidence_and_its_neighbours_go_through() {
    is_buried_alone("payment-service", "payment_requests", false).await;
}

#[tokio::test]
async fn an_order_that_kills_the_process_is_dead_lettered_with_the_evidence_and_its_neighbours_go_through() {
    is_buried_alone("order-processor", "order_processing", false).await;
}

#[tokio::test]
async fn copies_of_an_order_that_kills_the_process_add_no_deaths() {
    is_buried_alone("order-processor", "order_processing", true).await;
}
