//! The door for the payment gateway's results: who is believed, and what a result leaves in the database.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{order, shop};
use crate::support::payment_webhook::{SECRETS, STRANGE, Webhook};
use crate::support::{Api, TestDatabase, answer, eventually};

/// An order that waits for its payment, and what the payment-service would have written.
async fn pending_order(database: &TestDatabase, api: &Api) -> String {
    // a busy answer leaves nothing behind
    let accepted = eventually("the order is accepted", async || {
        let (status, accepted) = api.submit(&order()).await;
        (status == 202).then_some(accepted)
    })
    .await;
    let id = accepted["id"].as_str().expect("an id").to_owned();
    database.execute("delete from outbox").await;
    let sql =
        "insert into payments (order_id, amount, status, reference) select id, total, 'pending', 'ch_1' from orders";
    database.execute(sql).await;
    database
        .execute(
            "insert into pending_payments (order_id, request_id, reply_to, correlation_id)
             select id, gen_random_uuid(), 'order_replies', correlation_id from orders",
        )
        .await;
    id
}

/// The messages in the outbox: their types and where they go.
async fn outbox(database: &TestDatabase) -> Vec<(String, String, Value)> {
    let rows: Vec<String> = sqlx::query_scalar("select message::text from outbox order by position")
        .fetch_all(&database.pool)
        .await
        .expect("the outbox");
    let read = |text: &String| {
        let message: Value = serde_json::from_str(text).expect("JSON");
        let text = |name: &str| message[name].as_str().expect("text").to_owned();
        (text("kind"), text("routing_key"), message["body"].clone())
    };
    rows.iter().map(read).collect()
}

async fn status(database: &TestDatabase) -> Option<String> {
    sqlx::query_scalar("select status from payments").fetch_optional(&database.pool).await.expect("a payment")
}

#[tokio::test]
async fn a_success_is_recorded_and_answered_to_whoever_waits() {
    let (database, api) = shop().await;
    let id = pending_order(&database, &api).await;
    let webhook = Webhook::succeeded(&id);
    assert_eq!(webhook.send(&api).await, (200, json!({"effect": "taken"})));
    let expected = json!({"type": "payment.taken", "order_id": id, "reference": "ch_late"});
    assert_eq!(outbox(&database).await, [("payment.taken".to_owned(), "order_replies".to_owned(), expected)]);
    // told again, by the same webhook and by another one
    assert_eq!(webhook.send(&api).await, (200, json!({"effect": "repeated"})));
    assert_eq!(Webhook::succeeded(&id).send(&api).await, (200, json!({"effect": "nothing"})));
    assert_eq!(Webhook::failed(&id).send(&api).await, (200, json!({"effect": "nothing"})));
    assert_eq!((outbox(&database).await.len(), status(&database).await.as_deref()), (1, Some("taken")));
    let (_, payment) = answer(api.get(&format!("/api/v1/orders/{id}/payment"))).await;
    assert_eq!(
        (&payment["status"], &payment["amount"], &payment["reference"]),
        (&json!("taken"), &json!(39.98), &json!("ch_late"))
    );
    let outcomes: Vec<_> =
        payment["attempts"].as_array().expect("attempts").iter().map(|a| a["outcome"].clone()).collect();
    assert_eq!(outcomes, ["taken", "taken", "declined"]);
}

#[tokio::test]
async fn a_failure_is_recorded_and_answered() {
    let (database, api) = shop().await;
    let id = pending_order(&database, &api).await;
    assert_eq!(Webhook::failed(&id).send(&api).await, (200, json!({"effect": "declined"})));
    let expected = json!({"type": "payment.declined", "order_id": id, "code": "insufficient_funds"});
    assert_eq!(outbox(&database).await, [("payment.declined".to_owned(), "order_replies".to_owned(), expected)]);
    assert_eq!(status(&database).await.as_deref(), Some("declined"));
}

#[tokio::test]
async fn both_secrets_are_good_while_one_is_replaced_and_a_strange_one_never() {
    let (database, api) = shop().await;
    let id = pending_order(&database, &api).await;
    let webhook = Webhook::succeeded(&id);
    let signatures =
        [webhook.signed(STRANGE), String::new(), "v1,".to_owned(), Webhook::failed(&id).signed(SECRETS[0])];
    for bad in signatures {
        let (code, problem) = answer(webhook.request(&api, &bad)).await;
        assert_eq!((code, &problem["type"]), (403, &json!("/problems/invalid-signature")), "{bad}");
    }
    assert_eq!(status(&database).await.as_deref(), Some("pending"));
    let tampered = Webhook { body: webhook.body.replace("ch_late", "ch_mine"), ..Webhook::succeeded(&id) };
    assert_eq!(answer(tampered.request(&api, &webhook.signed(SECRETS[1]))).await.0, 403);
    assert_eq!(answer(webhook.request(&api, &webhook.signed(SECRETS[0]))).await.1["effect"], "taken");
    let both = format!("{} {}", webhook.signed(STRANGE), webhook.signed(SECRETS[1]));
    assert_eq!(answer(webhook.request(&api, &both)).await.1["effect"], "repeated");
}

#[tokio::test]
async fn a_stale_webhook_and_one_without_its_headers_are_refused() {
    let (database, api) = shop().await;
    let id = pending_order(&database, &api).await;
    for seconds in [-400, 400] {
        let webhook = Webhook::succeeded(&id);
        let stale = Webhook { timestamp: webhook.timestamp + seconds, ..webhook };
        let (code, problem) = stale.send(&api).await;
        assert_eq!(code, 403, "{problem}");
        assert!(problem["detail"].as_str().expect("text").contains("300 s"), "{problem}");
    }
    let (code, problem) = answer(api.post("/api/v1/payments/webhook", &json!({}))).await;
    assert_eq!((code, &problem["detail"]), (403, &json!("the header webhook-id is missing")));
    assert_eq!(status(&database).await.as_deref(), Some("pending"));
}

#[tokio::test]
async fn a_result_that_is_faster_than_the_answer_to_its_charge_is_kept_for_it() {
    let (database, api) = shop().await;
    let (_, accepted) = api.submit(&order()).await;
    database.execute("delete from outbox").await;
    let id = accepted["id"].as_str().expect("an id");
    assert_eq!(Webhook::succeeded(id).send(&api).await.1["effect"], "taken");
    assert_eq!((status(&database).await.as_deref(), outbox(&database).await.len()), (Some("taken"), 0));
}

#[tokio::test]
async fn money_that_comes_for_an_order_that_has_ended_is_given_back() {
    let (database, api) = shop().await;
    let id = pending_order(&database, &api).await;
    database.execute("update payments set status = 'cancelled'").await;
    database.execute("update orders set status = 'failed'").await;
    assert_eq!(Webhook::succeeded(&id).send(&api).await.1["effect"], "given_back");
    let sent = outbox(&database).await;
    assert_eq!(
        sent,
        [(
            "payment.cancel".to_owned(),
            "payment_requests".to_owned(),
            json!({"type": "payment.cancel", "order_id": id})
        )]
    );
    assert_eq!(Webhook::failed(&id).send(&api).await.1["effect"], "nothing");
}

#[tokio::test]
async fn what_is_not_understood_is_told_apart_from_what_is_of_no_concern() {
    let (_database, api) = shop().await;
    let strange = Webhook::of("customer.created", &json!({"name": "Ada"}));
    assert_eq!(strange.send(&api).await, (200, json!({"effect": "ignored"})));
    let unknown = Webhook::succeeded(&Uuid::new_v4().to_string());
    assert_eq!(unknown.send(&api).await.0, 404);
    for (data, pointer) in
        [(json!({}), "/data/order_id"), (json!({"order_id": "17"}), "/data/order_id"), (json!(7), "/data")]
    {
        let (code, problem) = Webhook::of("payment.succeeded", &data).send(&api).await;
        assert_eq!((code, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{problem}");
    }
}

#[tokio::test]
async fn many_tellings_at_once_have_one_effect() {
    let (database, api) = shop().await;
    let id = pending_order(&database, &api).await;
    let webhook = Webhook::succeeded(&id);
    let tellings = (0..20).map(|_| webhook.send(&api));
    let answers = futures_util::future::join_all(tellings).await;
    let count = |effect: &str| answers.iter().filter(|(code, body)| *code == 200 && body["effect"] == effect).count();
    assert_eq!((count("taken"), count("repeated")), (1, 19), "{answers:?}");
    assert_eq!(outbox(&database).await.len(), 1);
    assert_eq!(database.number("select count(*) from payment_attempts").await, 1);
}
