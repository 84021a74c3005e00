//! Cancelling, shipping, delivering, notes and histories by command, against the real API.

use serde_json::json;
use uuid::Uuid;

use super::runner::{Run, run};
use crate::support::{Api, TestDatabase};

struct Shop {
    database: TestDatabase,
    api: Api,
}

impl Shop {
    async fn open() -> Self {
        let database = TestDatabase::create().await;
        let api = Api::start(database.pool.clone()).await;
        api.create_product("GADGET-01", 19.99, 100).await;
        Self { database, api }
    }

    async fn orders(&self, arguments: &[&str]) -> Run {
        run(&self.api.address, arguments, "").await
    }

    /// The id of an order that stands at `status`.
    async fn order(&self, status: &str) -> String {
        let order =
            json!({"customer_id": "c-1", "email": "ada@shop.example", "items": [{"sku": "GADGET-01", "quantity": 1}]});
        let (_, order) = self.api.submit(&order).await;
        let id = order["id"].as_str().expect("an id").to_owned();
        sqlx::query("update orders set status = $2 where id = $1::uuid")
            .bind(&id)
            .bind(status)
            .execute(&self.database.pool)
            .await
            .expect("set");
        id
    }
}

#[tokio::test]
async fn an_order_is_shipped_and_delivered_and_its_page_shows_the_parcel() {
    let shop = Shop::open().await;
    let id = shop.order("confirmed").await;
    let shipped = shop.orders(&["ship", &id, "--carrier", "DHL", "--tracking", "JD014"]).await;
    assert_eq!(shipped.code, 0, "{shipped:?}");
    assert!(shipped.stdout.contains("shipped") && shipped.stdout.contains("with DHL, JD014"), "{shipped:?}");
    let other = shop.orders(&["ship", &id, "--carrier", "DHL", "--tracking", "JD015"]).await;
    assert_eq!(other.code, 1, "{other:?}");
    let delivered = shop.orders(&["deliver", &id, "--reason", "signed", "--json"]).await;
    assert_eq!((delivered.code, &delivered.json()["status"]), (0, &json!("delivered")), "{delivered:?}");
    let history = shop.orders(&["history", &id]).await;
    assert_eq!(history.code, 0, "{history:?}");
    for words in ["accepted", "DHL JD014", "delivered", "signed", "anyone"] {
        assert!(history.stdout.contains(words), "{words}: {history:?}");
    }
    assert!(history.stderr.contains("3 changes"), "{history:?}");
}

#[tokio::test]
async fn a_cancellation_that_is_not_allowed_says_what_is_and_exits_with_1() {
    let shop = Shop::open().await;
    let pending = shop.order("pending").await;
    let cancelled = shop.orders(&["cancel", &pending, "--reason", "ordered twice", "--json"]).await;
    assert_eq!((cancelled.code, &cancelled.json()["status"]), (0, &json!("cancelled")), "{cancelled:?}");
    let shipped = shop.order("shipped").await;
    let refused = shop.orders(&["cancel", &shipped]).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert_eq!(
        refused.stderr.trim(),
        "orders: the order is shipped and cannot become cancelled: it may become delivered"
    );
    let refused = shop.orders(&["cancel", &shipped, "--json"]).await;
    let error: serde_json::Value = serde_json::from_str(&refused.stderr).expect("one JSON line");
    assert_eq!(error["problem"]["allowed_statuses"], json!(["delivered"]));
    let confirmed = shop.order("confirmed").await;
    let under_way = shop.orders(&["cancel", &confirmed]).await;
    assert_eq!(under_way.code, 0, "{under_way:?}");
    assert!(under_way.stderr.contains("orders watch"), "{under_way:?}");
    assert_eq!(shop.orders(&["cancel", &Uuid::new_v4().to_string()]).await.code, 1);
    for wrong in [vec!["cancel", "seven"], vec!["ship", &confirmed, "--carrier", "DHL", "--tracking", "a b"]] {
        assert_eq!(shop.orders(&wrong).await.code, 2, "{wrong:?}");
    }
}

#[tokio::test]
async fn notes_are_written_and_listed_and_lists_are_filtered() {
    let shop = Shop::open().await;
    let id = shop.order("confirmed").await;
    let noted = shop.orders(&["note", &id, "ring twice", "--public"]).await;
    assert_eq!((noted.code, noted.stdout.trim()), (0, "noted by anyone, public"), "{noted:?}");
    let listed = shop.orders(&["note", &id]).await;
    assert!(listed.stdout.contains("ring twice") && listed.stdout.contains("everybody"), "{listed:?}");
    shop.order("pending").await;
    for (filter, found) in [
        (vec!["--text", "ring"], 1),
        (vec!["--customer", "c-1", "--sku", "GADGET-01"], 2),
        (vec!["--status", "pending", "--from", "2026-01-01"], 1),
        (vec!["--to", "2020-01-01"], 0),
    ] {
        let listed = shop.orders(&[&["list", "--json"], &filter[..]].concat()).await;
        assert_eq!(listed.json()["orders"].as_array().map(Vec::len), Some(found), "{filter:?}: {listed:?}");
    }
    let wrong = shop.orders(&["list", "--from", "yesterday"]).await;
    assert_eq!(wrong.code, 1, "{wrong:?}");
    assert!(wrong.stderr.contains("/from"), "{wrong:?}");
}

#[tokio::test]
async fn an_urgent_order_and_an_expected_price_are_flags() {
    let shop = Shop::open().await;
    let flags = ["submit", "--customer", "c", "--email", "c@shop.example", "--item", "GADGET-01:1", "--json"];
    let urgent = shop.orders(&[&flags[..], &["--priority", "high", "--expected-price", "19.99"]].concat()).await;
    assert_eq!((urgent.code, &urgent.json()["priority"]), (0, &json!("high")), "{urgent:?}");
    let dearer = shop.orders(&[&flags[..], &["--expected-price", "18.99"]].concat()).await;
    assert_eq!(dearer.code, 1);
    assert!(dearer.stderr.contains("price-changed"), "{dearer:?}");
    assert_eq!(shop.orders(&[&flags[..], &["--priority", "urgent"]].concat()).await.code, 2);
}
