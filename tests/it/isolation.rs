//! What is not poison: a broker or a database that fails while a message is in hand says nothing about the message.

use std::time::Duration;

use order_fleet::topology::{QueueType, Topology, TopologyArgs};
use serde_json::json;
use uuid::Uuid;

use crate::support::amqp::identified;
use crate::support::{Options, Role, Stage, eventually};

/// As a death among others leaves it: from now on the message runs alone.
async fn make_suspect(stage: &Stage, id: Uuid) {
    let row = "insert into suspects (consumer, message_id, runs, in_company) values ('inventory-service', $1, 0, 1)";
    sqlx::query(row).bind(id).execute(&stage.database.pool).await.expect("written");
}

/// What a stage with these delays declares, to repair it.
pub fn topology(delays: [u64; 3]) -> Topology {
    Topology::new(&TopologyArgs {
        queue_type: QueueType::Quorum,
        retry_delays: delays.map(Duration::from_millis),
        webhook_delays: [100, 200, 300, 400].map(Duration::from_millis),
    })
}

#[tokio::test]
async fn a_suspect_whose_answer_cannot_be_published_is_not_called_poisonous() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 5).await;
    stage.client.delete_queue("order_replies").await;
    let request =
        json!({"type": "stock.reserve", "order_id": Uuid::new_v4(), "items": [{"sku": "WIDGET-01", "quantity": 1}]});
    let id = Uuid::new_v4();
    let properties = identified(&id.to_string()).with_reply_to("order_replies".into());
    make_suspect(&stage, id).await;
    stage.start(&[Role::Inventory]).await;
    stage.client.publish_json("", "inventory_requests", properties, &request).await;
    eventually("it is held", async || {
        stage.is_unready_because("inventory-service-1", "nothing is bound").then_some(())
    })
    .await;
    // a process that died now would not be its fault
    assert_eq!(stage.database.number("select count(*) from suspects").await, 0, "it has survived its run");
    stage.host.declare(&topology([200, 400, 800])).await.expect("repaired");
    let answer = stage.client.next("order_replies").await;
    assert_eq!(answer.json()["type"], "stock.reserved");
    assert_eq!(stage.shelf("WIDGET-01").await, (5, 1));
    stage.finish().await;
}

#[tokio::test]
async fn several_suspects_run_one_after_the_other_with_nothing_else_to_do() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 5).await;
    for _ in 0..3 {
        let request = json!({"type": "stock.reserve", "order_id": Uuid::new_v4(), "items": [{"sku": "WIDGET-01", "quantity": 1}]});
        let id = Uuid::new_v4();
        stage.client.publish_json("", "inventory_requests", identified(&id.to_string()), &request).await;
        make_suspect(&stage, id).await;
    }
    stage.start(&[Role::Inventory]).await;
    eventually("all have run", async || (stage.shelf("WIDGET-01").await == (5, 3)).then_some(())).await;
    eventually("nobody is suspected any more", async || {
        (stage.database.number("select count(*) from suspects").await == 0).then_some(())
    })
    .await;
    stage.finish().await;
}

#[tokio::test]
async fn an_inbox_row_that_cannot_be_read_fails_its_own_message_and_no_other() {
    let mut stage = Stage::set(Options { delays: [50, 50, 50], bundle: 1, ..Options::default() }).await;
    let (broken, order) = (Uuid::new_v4(), Uuid::new_v4());
    sqlx::query(
        "insert into inbox (consumer, message_id, outgoing) values ('payment-service', $1, '{\"no\": \"list\"}')",
    )
    .bind(broken)
    .execute(&stage.database.pool)
    .await
    .expect("written");
    for id in [broken, Uuid::new_v4(), Uuid::new_v4()] {
        let cancel = json!({"type": "payment.cancel", "order_id": if id == broken { Uuid::new_v4() } else { order }});
        let properties = identified(&id.to_string()).with_reply_to("order_replies".into());
        stage.client.publish_json("", "payment_requests", properties, &cancel).await;
    }
    stage.start(&[Role::Payment]).await;
    for _ in 0..2 {
        let answer = stage.client.next("order_replies").await;
        assert_eq!(answer.json(), json!({"type": "payment.cancelled", "order_id": order, "refunded": false}));
    }
    let dead = stage.dead_letter().await;
    assert_eq!(dead.message_id(), Some(broken.to_string()));
    assert_eq!(dead.header("fleet-reason").as_deref(), Some("attempts_exhausted"));
    stage.finish().await;
}
