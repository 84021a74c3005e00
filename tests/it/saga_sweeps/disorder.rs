//! Answers that overtake each other: every permutation of what can arrive while a saga runs, in front of the real consumers.

use serde_json::{Value, json};
use uuid::Uuid;

use super::books;
use crate::support::amqp::identified;
use crate::support::{Options, Role, Stage, order_of};

/// What may arrive for an order whose stock is being reserved, in any order: true answers, and deadlines that passed too early.
fn arrivals(order: &str) -> [Value; 4] {
    [
        json!({"type": "stock.reserved", "order_id": order}),
        json!({"type": "saga.deadline_passed", "order_id": order, "step": "taking_payment"}),
        json!({"type": "saga.deadline_passed", "order_id": order, "step": "reserving_stock"}),
        json!({"type": "payment.cancelled", "order_id": order, "refunded": false}),
    ]
}

fn permutations(places: usize) -> Vec<Vec<usize>> {
    if places == 0 {
        return vec![Vec::new()];
    }
    permutations(places - 1)
        .into_iter()
        .flat_map(|shorter| {
            (0..places).map(move |at| {
                let mut longer = shorter.clone();
                longer.insert(at, places - 1);
                longer
            })
        })
        .collect()
}

#[tokio::test]
async fn whatever_order_the_answers_come_in_an_order_ends_with_everything_or_with_nothing() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 1000).await;
    stage.start(&[Role::Processor]).await;
    let ways = permutations(4);
    let mut orders = Vec::new();
    for way in &ways {
        let order = stage.submit(&order_of("WIDGET-01", 1)).await;
        stage.reaches(&order, "processing").await;
        let arrivals = arrivals(&order);
        for place in way {
            let id = Uuid::new_v4().to_string();
            stage.client.publish_json("", "order_replies", identified(&id), &arrivals[*place]).await;
        }
        orders.push(order);
    }
    // the requests that all this caused are answered only now, by the real services
    stage.start(&[Role::Inventory, Role::Payment, Role::Email, Role::Sms, Role::Push]).await;
    stage.settle().await;
    let (mut confirmed, mut failed) = (0, 0);
    for order in &orders {
        let status: String = sqlx::query_scalar("select status from orders where id = $1")
            .bind(Uuid::parse_str(order).expect("an id"))
            .fetch_one(&stage.database.pool)
            .await
            .expect("an order");
        let (ledger, payment) = (stage.ledger(order).await, stage.payment(order).await);
        let kinds: Vec<&str> = ledger.iter().map(|(kind, _)| kind.as_str()).collect();
        match status.as_str() {
            "confirmed" => {
                confirmed += 1;
                assert_eq!((kinds.as_slice(), payment.as_deref()), (["reserve", "commit"].as_slice(), Some("taken")));
            }
            "failed" => {
                failed += 1;
                let holds_nothing = kinds.is_empty() || kinds == ["reserve", "release"];
                let paid_nothing = !matches!(payment.as_deref(), Some("taken"));
                assert!(holds_nothing && paid_nothing, "{order}: {kinds:?}, {payment:?}");
            }
            _ => panic!("{order} is {status}"),
        }
        let told: i64 = sqlx::query_scalar(
            "select count(*) from notification_deliveries where order_id = $1 and channel = 'email'",
        )
        .bind(Uuid::parse_str(order).expect("an id"))
        .fetch_one(&stage.database.pool)
        .await
        .expect("counted");
        assert!(told >= 1, "{order}: nobody was told");
    }
    assert_eq!(confirmed + failed, ways.len());
    assert_eq!(stage.gateway.totals().charges - stage.gateway.totals().refunds, confirmed as u64);
    eprintln!(
        "{} orders of arrival: {confirmed} confirmed, {failed} failed; {}",
        ways.len(),
        books(&stage).await["gateway"]
    );
    stage.finish().await;
}
