//! Links and the page behind them, as HTTP shows them: nobody guesses a link, and the page tells no more than it must.

use order_fleet::tracking::Links;
use serde_json::json;

use super::{api, append, insert_order};
use crate::support::streams::EventSource;
use crate::support::{Api, TestDatabase, answer};

async fn shop() -> (TestDatabase, Api) {
    let (database, api) = api().await;
    api.create_product("WIDGET-01", 19.99, 100).await;
    (database, api)
}

fn order() -> serde_json::Value {
    json!({"customer_id": "c-secret", "email": "ada@shop.example", "phone": "+4930123456",
        "items": [{"sku": "WIDGET-01", "quantity": 2}], "metadata": {"note": "<script>alert(1)</script>"}})
}

#[tokio::test]
async fn the_link_is_in_every_answer_about_an_order_and_the_same_in_all() {
    let (database, api) = shop().await;
    let send = async || answer(api.post("/api/v1/orders", &order()).header("idempotency-key", "k-1")).await;
    let (status, accepted) = send().await;
    assert_eq!(status, 202);
    let link = accepted["tracking_url"].as_str().expect("a link");
    assert_eq!(send().await.1, accepted, "the first answer again");
    let id = accepted["id"].as_str().expect("an id");
    let (_, shown) = answer(api.get(&format!("/api/v1/orders/{id}"))).await;
    assert_eq!(shown["tracking_url"], link);
    // another process, which knows where customers find it
    let links = Links::new(database.pool.clone(), "https://shop.example/orders/".parse().ok());
    let order = order_fleet::domain::OrderId(id.parse().expect("an id"));
    assert_eq!(links.link(order).await.expect("a link"), format!("https://shop.example/orders{link}"));
    let written = database.number("select count(*) from tracking_keys").await;
    assert_eq!(written, 1, "nothing was written for it");
}

#[tokio::test]
async fn the_page_shows_the_order_and_hides_the_person() {
    let (_database, api) = shop().await;
    let (_, accepted) = api.submit(&order()).await;
    let link = accepted["tracking_url"].as_str().expect("a link");
    let response = api.get(link).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let headers = response.headers().clone();
    let header = |name: &str| headers[name].to_str().expect("text").to_owned();
    assert!(header("content-type").starts_with("text/html"));
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!((header("referrer-policy"), header("cache-control")), ("no-referrer".into(), "no-store".into()));
    assert_eq!((header("x-robots-tag"), header("x-frame-options")), ("noindex, nofollow".into(), "DENY".into()));
    let page = response.text().await.expect("a page");
    for shown in ["We have your order", "Product WIDGET-01", "39.98", "a***@shop.example", "Order placed"] {
        assert!(page.contains(shown), "lacks {shown}:\n{page}");
    }
    for hidden in ["ada@", "4930123456", "c-secret", "alert(1)"] {
        assert!(!page.contains(hidden), "shows {hidden}:\n{page}");
    }
    assert!(!page.contains("style=") && !page.contains("onclick"), "the policy forbids it");

    for (file, kind) in [("track.css", "text/css"), ("track.js", "text/javascript"), ("icon.svg", "image/svg+xml")] {
        let address = page.split('"').find(|part| part.starts_with(&format!("assets/{file}?v="))).expect(file);
        let asset = api.get(&format!("/track/{address}")).send().await.expect("an answer");
        assert!(asset.headers()["content-type"].to_str().expect("text").starts_with(kind), "{file}");
        assert!(asset.headers()["cache-control"].to_str().expect("text").contains("immutable"), "{file}");
    }
}

#[tokio::test]
async fn the_pages_stream_speaks_the_pages_words_and_nothing_else() {
    let (database, api) = shop().await;
    let mut db = database.pool.acquire().await.expect("a connection");
    let (_, accepted) = api.submit(&order()).await;
    let id = accepted["id"].as_str().expect("an id").parse().expect("an id");
    let url = format!("{}{}/events", api.address, accepted["tracking_url"].as_str().expect("a link"));
    let mut source = EventSource::open(&url, None).await;
    let first = source.next().await.expect("an event");
    let data: serde_json::Value = serde_json::from_str(&first.data).expect("JSON");
    assert_eq!((first.name.as_str(), data["id"].to_string()), ("transition", first.id.clone()));
    assert_eq!((&data["title"], &data["stage"]["reached"]), (&json!("Order placed"), &json!(0)));
    assert!(!first.data.contains("message_id") && !first.data.contains("c-secret"), "{first:?}");
    assert_eq!(source.next().await.expect("an event").name, "heartbeat");
    append(&mut db, id, "cancelled", "cancelled").await;
    let ended = source.next().await.expect("an event");
    let data: serde_json::Value = serde_json::from_str(&ended.data).expect("JSON");
    assert_eq!((&data["stage"]["ended"], &data["stage"]["tone"]), (&json!("Cancelled"), &json!("bad")));
}

#[tokio::test]
async fn a_link_that_was_guessed_or_changed_leads_nowhere_and_says_no_more_than_that() {
    let (database, api) = shop().await;
    let (_, one) = api.submit(&order()).await;
    let (_, two) = api.submit(&order()).await;
    let token = |answer: &serde_json::Value| answer["tracking_url"].as_str().expect("a link")[7..].to_owned();
    let (one, two) = (token(&one), token(&two));
    // 17 bytes, the key's number and the id, are 22 characters and a bit
    let mixed = format!("{}{}", &one[..24], &two[24..]);
    let changed = format!("{}{}", &one[..47], if one.ends_with('A') { 'B' } else { 'A' });
    let stranger = insert_order(&mut database.pool.acquire().await.expect("a connection"), "c-1").await.to_string();
    let mut pages = Vec::new();
    for token in [&mixed, &changed, &stranger, "x", &one[..47], &format!("{one}A"), "..%2f..%2fetc", "%ff"] {
        let response = api.get(&format!("/track/{token}")).send().await.expect("an answer");
        assert_eq!(response.status(), 404, "{token}");
        pages.push(response.text().await.expect("a page"));
        let (status, problem) = answer(api.get(&format!("/track/{token}/events"))).await;
        assert_eq!((status, &problem["type"]), (404, &json!("/problems/not-found")), "{token}");
    }
    assert!(pages.iter().all(|page| *page == pages[0] && page.contains("leads to no order")), "all alike");
    for token in [one, two] {
        assert_eq!(api.get(&format!("/track/{token}")).send().await.expect("an answer").status(), 200);
    }
}

#[tokio::test]
async fn a_new_key_signs_new_links_and_a_deleted_one_ends_its_own() {
    let (database, api) = shop().await;
    let (_, accepted) = api.submit(&order()).await;
    let id = order_fleet::domain::OrderId(accepted["id"].as_str().expect("an id").parse().expect("an id"));
    let token = |link: String| link.rsplit('/').next().expect("a token").to_owned();
    let old = token(Links::new(database.pool.clone(), None).link(id).await.expect("a link"));
    database.execute("insert into tracking_keys (secret) values (decode(repeat('42', 32), 'hex'))").await;
    // as another process, which has read the keys after that
    let links = Links::new(database.pool.clone(), None);
    let new = token(links.link(id).await.expect("a link"));
    assert_ne!(new, old);
    for token in [&old, &new] {
        assert_eq!(links.order(token).await.expect("an answer"), Some(id));
    }
    database.execute("delete from tracking_keys where id = (select min(id) from tracking_keys)").await;
    let links = Links::new(database.pool.clone(), None);
    assert_eq!((links.order(&old).await.ok(), links.order(&new).await.ok()), (Some(None), Some(Some(id))));
}
