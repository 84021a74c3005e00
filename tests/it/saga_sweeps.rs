//! The saga swept: every step failed, every message of every saga repeated, every answer late or out of order. After each, the
//! stock, the money and what the customer was told are as if nothing had been wrong.

mod disorder;
mod failing;
mod repeated;

use order_fleet::contract::Outgoing;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Options, Role, Stage, order_of, paid_with};

/// One order of each way through the saga: confirmed, declined, out of stock.
async fn one_of_each(stage: &Stage) -> [String; 3] {
    stage.stock("WIDGET-01", 10).await;
    let confirmed = stage.submit(&order_of("WIDGET-01", 1)).await;
    let declined = stage.submit(&paid_with("tok_declined")).await;
    let too_many = stage.submit(&order_of("WIDGET-01", 99)).await;
    stage.reaches(&confirmed, "confirmed").await;
    stage.reaches(&declined, "failed").await;
    stage.reaches(&too_many, "failed").await;
    [confirmed, declined, too_many]
}

/// Everything that must not change, as one value: the books, the payments, the orders and their histories, who was told what.
async fn books(stage: &Stage) -> Value {
    let text: String = sqlx::query_scalar(
        "select json_build_object(
            'orders', (select json_agg(json_build_array(id, status, reason) order by id) from orders),
            'history', (select json_agg(json_build_array(order_id, event, status) order by order_id, id) from order_history),
            'stock', (select json_agg(json_build_array(sku, on_hand, reserved) order by sku) from stock),
            'ledger', (select json_agg(json_build_array(order_id, kind, quantity) order by id) from stock_movements),
            'payments', (select json_agg(json_build_array(order_id, status) order by order_id) from payments),
            'sagas', (select json_agg(order_id) from sagas),
            'told', (select json_agg(json_build_array(channel, kind, order_id) order by channel, kind, order_id)
                     from notification_deliveries))::text",
    )
    .fetch_one(&stage.database.pool)
    .await
    .expect("the books");
    let mut books: Value = serde_json::from_str(&text).expect("JSON");
    let totals = stage.gateway.totals();
    books["gateway"] = json!([totals.charges, totals.refunds]);
    books
}

/// Every message that the sagas have caused so far, by whom it was sent.
async fn caused(stage: &Stage) -> Vec<(String, Outgoing)> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "select consumer, message::text from inbox, json_array_elements(outgoing::json) as message
         order by received_at, consumer, message_id",
    )
    .fetch_all(&stage.database.pool)
    .await
    .expect("the inbox");
    rows.into_iter().map(|(consumer, text)| (consumer, serde_json::from_str(&text).expect("a message"))).collect()
}

async fn publish(stage: &Stage, message: &Outgoing, message_id: Uuid) {
    let mut properties =
        crate::support::amqp::identified(&message_id.to_string()).with_type(message.kind.as_str().into());
    if let Some(correlation_id) = &message.correlation_id {
        properties = properties.with_correlation_id(correlation_id.as_str().into());
    }
    if let Some(reply_to) = &message.reply_to {
        properties = properties.with_reply_to(reply_to.as_str().into());
    }
    stage.client.publish(&message.exchange, &message.routing_key, properties, message.body.get().as_bytes()).await;
}

async fn whole_fleet() -> Stage {
    Stage::of_the_whole_fleet(Options::default()).await
}

const SAGA: [Role; 3] = [Role::Processor, Role::Inventory, Role::Payment];
