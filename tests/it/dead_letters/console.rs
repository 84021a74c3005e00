//! The console in a real browser: an operator finds a cause, repairs its letters and replays them, without a command line.

use order_fleet::access::Role;
use order_fleet::services::analytics_service::AnalyticsService;
use serde_json::json;

use super::*;
use crate::access::{guard, token};
use crate::support::Api;
use crate::support::browser::{Browser, picture};

const DESKTOP: (u32, u32) = (1280, 900);
const PHONE: (u32, u32) = (390, 844);

/// Events whose total nobody can read.
async fn broken_events(scene: &Scene, count: usize) {
    for number in 0..count {
        let id = Uuid::new_v4().to_string();
        let headers = [
            ("fleet-reason", "bad_message"),
            ("fleet-error", "total: is no amount"),
            ("fleet-origin-queue", "analytics"),
            ("fleet-origin-exchange", "events"),
            ("fleet-origin-routing-key", "order.confirmed"),
            ("fleet-failed-at", "2026-01-02T00:00:00Z"),
        ];
        let body = json!({"order_id": id, "total": format!("{number} thalers"), "email": "ada@shop.example"});
        scene.broker.publish("dlx", "failed", message(&id, &headers), body.to_string().as_bytes()).await;
    }
    scene.stored(count).await;
}

#[tokio::test]
async fn an_operator_repairs_and_replays_a_cause_without_a_command_line() {
    let mut scene = Scene::open().await;
    let api = Api::start_guarded(guard(), scene.database.pool.clone()).await;
    broken_events(&scene, 3).await;
    scene.workers.start(AnalyticsService::default());

    let browser = Browser::start().await;
    browser.looks_like(DESKTOP, "light").await;
    browser.visit(&format!("{}/console#/causes", api.address)).await;
    browser.shows("h1", "Who are you?").await;
    browser.screenshot(&picture("console-1-enter")).await;
    browser.fill("input[name=token]", "fleet_nobody").await;
    browser.click("button", "Enter").await;
    eventually("the refusal", async || (!browser.text(".enter > .fault").await.is_empty()).then_some(())).await;
    browser.fill("input[name=token]", &token(Role::Operator, "anna")).await;
    browser.click("button", "Enter").await;
    browser.shows("h1", "3 dead letters of 1 cause").await;
    browser.screenshot(&picture("console-2-causes")).await;

    browser.click("nav a", "Dead letters").await;
    browser.click("p a", "consumer").await;
    browser.shows("h1", "Letters that wait, by consumer").await;
    browser.shows("td:nth-child(2)", "3").await;
    browser.click("nav a", "Causes").await;
    browser.click("td a", "total: is no amount").await;
    browser.shows("h1", "total: is no amount").await;
    browser.click("button", "What would happen?").await;
    eventually("the verdict", async || browser.text(".verdicts").await.contains("would fail again").then_some(()))
        .await;
    browser.fill("textarea[name=changes]", "total=19.99").await;
    browser.fill("form:has(textarea) input[name=reason]", "the export wrote words").await;
    browser.click("button", "Show what would change").await;
    browser.shows("#repair-preview", "3 would change (3 would be applied), 0 stay, 0 cannot be repaired so.").await;
    browser.screenshot(&picture("console-3-repair")).await;
    browser.click("button", "Store all 3").await;
    eventually("the repair", async || browser.text("#notes").await.contains("3 repaired, 0 refused").then_some(()))
        .await;

    browser.fill("form:has(input[name=rate]) input[name=reason]", "repaired").await;
    browser.click("button", "Replay all 3").await;
    eventually("the replay is shown", async || browser.text("#replay-state").await.contains("3 waiting").then_some(()))
        .await;
    let hash = browser.evaluate("location.hash").await;
    let id = hash.as_str().and_then(|hash| hash.strip_prefix("#/replays/")?.parse().ok()).expect("a replay");
    scene.run(id).await;
    // nobody has touched the page
    browser.shows("#replay-state", "completed 3 applied of 3").await;
    browser.screenshot(&picture("console-4-replay")).await;
    assert_eq!(scene.database.number("select count(*) from recorded_events").await, 3);

    browser.click("td a", &scene.list().await[0].id.to_string()[24..]).await;
    browser.shows("#verdict", "Replayed now it would be skipped it has been handled before").await;
    assert!(!browser.text("#body").await.contains("ada@"), "personal data is hidden");
    let page = browser.text("main").await;
    for wrong in ["null", "undefined", "[object"] {
        assert!(!page.contains(wrong), "{wrong} in {page}");
    }
    browser.screenshot(&picture("console-5-letter")).await;
    browser.looks_like(PHONE, "dark").await;
    browser.screenshot(&picture("console-6-letter-phone-dark")).await;
    browser.click("nav a", "Fleet").await;
    eventually("the fleet", async || browser.text("main").await.contains("Queues").then_some(())).await;
    browser.screenshot(&picture("console-7-fleet-phone-dark")).await;
    let complaints = browser.complaints().await;
    let refused = |complaint: &&String| !complaint.contains("401") && !complaint.contains("403");
    assert_eq!(complaints.iter().filter(refused).count(), 0, "{complaints:?}");
}
