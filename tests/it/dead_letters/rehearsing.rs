//! What would happen if a dead letter were replayed now is said before, by the consumer's own code, and nothing happens.

use order_fleet::dead_letters::case::Case;
use order_fleet::dead_letters::consumers::Verdict;
use order_fleet::lifecycle::SagaArgs;
use order_fleet::services::analytics_service::AnalyticsService;
use order_fleet::services::rehearsals::Rehearsals;

use super::*;

impl Scene {
    /// A letter of this consumer, opened.
    async fn case(&self, queue: &str, body: &[u8]) -> Case {
        let id = Uuid::new_v4();
        let before = self.list().await.len();
        let exchange = if queue == "analytics" { "events" } else { "" };
        self.broker.publish("dlx", "failed", given_up(&id.to_string(), queue, exchange, "order.note"), body).await;
        let letters = self.stored(before + 1).await;
        let letter = letters.iter().find(|letter| letter.message_id == id).expect("is there");
        self.open_case(letter.id).await
    }

    async fn open_case(&self, id: Uuid) -> Case {
        let rehearsals = Rehearsals::new(SagaArgs { stock_deadline_seconds: 1, payment_deadline_seconds: 1 });
        Case::open(&self.database.pool, id, &rehearsals).await.expect("the database answers").expect("is there")
    }
}

#[tokio::test]
async fn every_kind_of_verdict_is_given_and_nothing_is_written() {
    let mut scene = Scene::open().await;
    let event = format!("{{\"order_id\": \"{}\"}}", Uuid::new_v4());
    let case = scene.case("analytics", event.as_bytes()).await;
    let Verdict::Apply { writes, calls: None, .. } = &case.verdict else { panic!("{:?}", case.verdict) };
    assert!(writes.iter().any(|table| table == "1 recorded_events"), "{writes:?}");
    assert_eq!(scene.database.number("select count(*) from recorded_events").await, 0);

    let fails = scene.case("analytics", b"no event").await;
    assert!(
        matches!(&fails.verdict, Verdict::Fail { error, is_unreadable: true } if error.contains("not JSON")),
        "{:?}",
        fails.verdict
    );
    let unknown_product = scene.case("order_processing", &order(Uuid::new_v4())).await;
    assert!(matches!(unknown_product.verdict, Verdict::Fail { .. }), "{:?}", unknown_product.verdict);

    let mail = serde_json::json!({"type": "order_confirmation", "order_id": Uuid::new_v4(), "email": "ada@shop.example",
        "customer_id": "c-1", "items": [], "total": "1.00"});
    let mail = scene.case("email_notifications", mail.to_string().as_bytes()).await;
    let who = Some("mail server".to_owned());
    assert!(matches!(&mail.verdict, Verdict::Apply { calls, .. } if *calls == who), "{:?}", mail.verdict);
    let foreign = scene.case("theirs", b"{}").await;
    assert!(matches!(foreign.verdict, Verdict::Unknown { .. }), "{:?}", foreign.verdict);

    // handled by another way meanwhile: the same message, delivered
    scene.workers.start(AnalyticsService::default());
    let letter = &case.letter.summary;
    scene.broker.publish("events", "order.note", message(&letter.message_id.to_string(), &[]), event.as_bytes()).await;
    eventually("the event is recorded", async || {
        (scene.database.number("select count(*) from recorded_events").await == 1).then_some(())
    })
    .await;
    let again = scene.open_case(letter.id).await;
    assert!(matches!(&again.verdict, Verdict::Skip { why } if why.contains("handled before")), "{:?}", again.verdict);
}
