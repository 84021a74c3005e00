//! Every message of finished sagas once more, the undoing ones included: under the same id, and as another message.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use super::{books, caused, one_of_each, publish, whole_fleet};

#[tokio::test]
async fn every_message_of_every_saga_repeated_under_its_own_id_changes_nothing() {
    let mut stage = whole_fleet().await;
    one_of_each(&stage).await;
    stage.settle().await;
    let (before, messages) = (books(&stage).await, caused(&stage).await);
    let kinds: BTreeSet<&str> = messages.iter().map(|(_, message)| message.kind.as_str()).collect();
    for kind in ["stock.reserve", "stock.release", "stock.commit", "payment.take", "payment.declined", "order_failed"] {
        assert!(kinds.contains(kind), "{kind} is not among {kinds:?}");
    }
    // the newest first: all of them late, and in the wrong order
    for (_, message) in messages.iter().rev() {
        publish(&stage, message, message.message_id).await;
    }
    stage.settle().await;
    assert_eq!(books(&stage).await, before);
    stage.finish().await;
}

#[tokio::test]
async fn every_step_and_every_undo_asked_again_as_another_message_changes_nothing() {
    let mut stage = whole_fleet().await;
    one_of_each(&stage).await;
    stage.settle().await;
    let (before, messages) = (books(&stage).await, caused(&stage).await);
    // an event or a notification under another id is another one; requests and answers are known by their order
    let steps: Vec<_> = messages.iter().filter(|(_, message)| message.exchange.is_empty()).collect();
    assert!(steps.len() >= 12, "{}", steps.len());
    for (_, message) in steps.iter().rev() {
        publish(&stage, message, Uuid::new_v4()).await;
    }
    stage.settle().await;
    assert_eq!(books(&stage).await, before);
    stage.finish().await;
}

#[tokio::test]
async fn deadlines_and_answers_that_come_after_the_end_change_nothing() {
    let mut stage = whole_fleet().await;
    let orders = one_of_each(&stage).await;
    stage.settle().await;
    let before = books(&stage).await;
    for order in &orders {
        for step in ["reserving_stock", "taking_payment", "cancelling_payment", "releasing_stock"] {
            let late = json!({"type": "saga.deadline_passed", "order_id": order, "step": step});
            let properties = crate::support::amqp::identified(&Uuid::new_v4().to_string());
            stage.client.publish_json("", "order_replies", properties, &late).await;
        }
        for answer in ["stock.released", "stock.committed"] {
            let late = json!({"type": answer, "order_id": order});
            let properties = crate::support::amqp::identified(&Uuid::new_v4().to_string());
            stage.client.publish_json("", "order_replies", properties, &late).await;
        }
    }
    stage.settle().await;
    assert_eq!(books(&stage).await, before);
    stage.finish().await;
}
