//! The customer's page in a real browser: states appear by themselves, survive a reload and a killed API; it works without scripts.

use serde_json::{Value, json};

use crate::support::browser::{Browser, picture};
use crate::support::{ApiProcess, Options, Role, Stage, answer, eventually, order_of, paid_with};

const PHONE: (u32, u32) = (390, 844);
const DESKTOP: (u32, u32) = (1280, 900);

async fn link(stage: &Stage, api: &ApiProcess, order: &str) -> String {
    let (status, body) = answer(stage.api.client.get(format!("{}/api/v1/orders/{order}", api.address))).await;
    assert_eq!(status, 200, "{body}");
    body["tracking_url"].as_str().expect("a link").to_owned()
}

/// The titles of the history, newest first.
async fn history(browser: &Browser) -> Value {
    browser.evaluate("[...document.querySelectorAll('#history .what')].map((line) => line.textContent)").await
}

/// Everything that the page says about the order.
async fn rendered(browser: &Browser) -> Value {
    let parts = "[document.title, document.querySelector('main').innerText.replace(/\\s+/g, ' '),
        [...document.querySelectorAll('.steps li')].map((step) => step.dataset.state)]";
    browser.evaluate(parts).await
}

#[tokio::test]
async fn states_appear_live_and_survive_a_reload_and_a_killed_api() {
    let mut stage = Stage::set(Options::default()).await;
    stage.stock("WIDGET-01", 100).await;
    let mut api = ApiProcess::start(&stage).await;
    let order = stage.submit(&order_of("WIDGET-01", 2)).await;
    let url = link(&stage, &api, &order).await;
    assert!(url.starts_with(&format!("{}/track/", api.address)), "{url}");

    let browser = Browser::start().await;
    browser.looks_like(DESKTOP, "light").await;
    browser.visit(&url).await;
    browser.shows("#headline", "We have your order").await;
    browser.shows("[data-live-text]", "Live").await;
    assert_eq!(history(&browser).await, json!(["Order placed"]));
    browser.screenshot(&picture("1-placed-desktop")).await;

    // nobody touches the page from here on
    browser.evaluate("window.untouched = true").await;
    stage.start(&[Role::Processor]).await;
    browser.shows("#headline", "We are reserving your items").await;
    api.kill().await;
    browser.shows("[data-live-text]", "Reconnecting…").await;
    browser.screenshot(&picture("2-reconnecting-desktop")).await;
    // it happens while nobody can tell
    stage.start(&[Role::Inventory]).await;
    eventually("the stock is reserved", async || (stage.shelf("WIDGET-01").await == (100, 2)).then_some(())).await;
    api.start_again().await;
    browser.shows("#headline", "Your items are reserved").await;
    browser.shows("[data-live-text]", "Live").await;
    assert_eq!(history(&browser).await, json!(["Items reserved", "In progress", "Order placed"]));
    browser.screenshot(&picture("3-reserved-desktop")).await;

    stage.start(&[Role::Payment, Role::Email, Role::Sms, Role::Push]).await;
    browser.shows("#headline", "Your order is confirmed").await;
    assert_eq!(browser.evaluate("window.untouched").await, true, "the page is the same as before");
    let live = rendered(&browser).await;
    browser.reload().await;
    browser.shows("[data-live-text]", "Live").await;
    assert_eq!(rendered(&browser).await, live, "what came live is what a reload shows");

    // as the warehouse says so
    assert_eq!(browser.text("#parcel dd").await, "");
    let shipment = json!({"carrier": "DHL", "tracking_number": "00340434161094042557"});
    for (verb, body, headline) in
        [("ship", shipment, "Your order is on its way"), ("deliver", json!({}), "Your order has arrived")]
    {
        let (status, answer) = answer(stage.api.post(&format!("/api/v1/orders/{order}/{verb}"), &body)).await;
        assert_eq!(status, 200, "{answer}");
        browser.shows("#headline", headline).await;
    }
    assert_eq!(browser.text("#parcel dd").await, "DHL 00340434161094042557");
    for (size, scheme, name) in [
        (DESKTOP, "light", "4-delivered-desktop"),
        (DESKTOP, "dark", "5-delivered-desktop-dark"),
        (PHONE, "light", "6-delivered-phone"),
        (PHONE, "dark", "7-delivered-phone-dark"),
    ] {
        browser.looks_like(size, scheme).await;
        let sticks_out = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
        assert_eq!(browser.evaluate(sticks_out).await, false, "{name} is not wider than the screen");
        browser.screenshot(&picture(name)).await;
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    let mails = stage.sent("mail");
    let token = url.rsplit('/').next().expect("a token");
    // a mail breaks lines wherever it likes
    let mail = mails.first().expect("a confirmation").replace("=\r\n", "");
    assert!(mail.contains(&format!("https://shop.example/track/{token}")), "the link is in the mail: {mail}");
    api.stop().await;
    stage.finish().await;
}

#[tokio::test]
async fn a_failed_order_is_explained_and_without_scripts_the_present_state_is_shown() {
    let mut stage = Stage::set(Options::default()).await;
    stage.start(&Role::WORKERS).await;
    stage.stock("WIDGET-01", 100).await;
    let api = ApiProcess::start(&stage).await;
    let order = stage.submit(&paid_with("tok_declined")).await;
    stage.reaches(&order, "failed").await;
    let url = link(&stage, &api, &order).await;
    let browser = Browser::start().await;
    browser.looks_like(PHONE, "light").await;
    browser.without_scripts().await;
    browser.visit(&url).await;
    assert_eq!(browser.text("#headline").await, "We are sorry, your order could not be completed");
    assert!(browser.text("#sentence").await.starts_with("The payment was declined ("));
    assert_eq!(browser.text(".steps [data-state=ended] .name").await, "Not completed");
    let further = "[...document.querySelectorAll('.steps [data-state=next], .steps [data-state=open]')]
        .some((step) => step.getClientRects().length > 0)";
    assert_eq!(browser.evaluate(further).await, false, "no further station");
    assert!(browser.text("header noscript").await.contains("every 30 s"));
    browser.screenshot(&picture("8-failed-phone-no-scripts")).await;
    api.stop().await;
    stage.finish().await;
}
