//! Products, stock, imports and payments by the real `orders` binary against the real API.

use serde_json::json;

use super::runner::{Run, run};
use crate::support::{Api, TestDatabase, answer};

struct Shop {
    _database: TestDatabase,
    api: Api,
}

impl Shop {
    async fn open() -> Self {
        let database = TestDatabase::create().await;
        let api = Api::start(database.pool.clone()).await;
        api.create_product("WIDGET-01", 19.99, 100).await;
        Self { _database: database, api }
    }

    async fn orders(&self, arguments: &[&str]) -> Run {
        run(&self.api.address, arguments, "").await
    }

    async fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let run = self.orders(&[arguments, &["--json"]].concat()).await;
        assert_eq!(run.code, 0, "{run:?}");
        run.json()
    }
}

#[tokio::test]
async fn a_product_is_changed_taken_off_and_its_prices_listed() {
    let shop = Shop::open().await;
    assert_eq!(shop.json(&["products", "update", "WIDGET-01", "--price", "17.50"]).await["price"], 17.5);
    assert_eq!(shop.json(&["products", "deactivate", "WIDGET-01"]).await["active"], false);
    let table = shop.orders(&["products", "list", "--active", "false"]).await;
    assert!(table.stdout.contains("not sold"), "{table:?}");
    assert_eq!(shop.json(&["products", "update", "WIDGET-01", "--active", "true"]).await["active"], true);
    assert_eq!(shop.json(&["products", "prices", "WIDGET-01"]).await["prices"].as_array().map(Vec::len), Some(2));
    let prices = shop.orders(&["products", "prices", "WIDGET-01"]).await;
    assert!(prices.stdout.contains("17.50") && prices.stdout.contains("19.99"), "{prices:?}");
    assert_eq!(shop.orders(&["products", "update", "WIDGET-01"]).await.code, 2);
}

#[tokio::test]
async fn stock_is_adjusted_once_per_key_and_shown_every_way() {
    let shop = Shop::open().await;
    let adjust = ["stock", "adjust", "WIDGET-01", "-3", "--reason", "broken", "--idempotency-key", "k"];
    for _ in 0..2 {
        assert_eq!(shop.json(&adjust).await["on_hand"], 97);
    }
    assert!(shop.orders(&adjust).await.stderr.contains("adjusted before"));
    assert_eq!(shop.json(&["stock", "show", "WIDGET-01"]).await["on_hand"], 97);
    let gone = shop.orders(&["stock", "show", "WIDGET-01", "--at", "2020-01-01T00:00:00Z"]).await;
    assert_eq!(gone.code, 1, "{gone:?}");
    let moved = shop.orders(&["stock", "transactions", "--sku", "WIDGET-01"]).await;
    assert!(moved.stdout.contains("broken") && moved.stderr.contains("2 movements"), "{moved:?}");
    assert_eq!(shop.json(&["stock", "reservations"]).await["reservations"], json!([]));
    assert_eq!(shop.json(&["stock", "low"]).await["products"], json!([]));
    let summary = shop.orders(&["stock", "summary"]).await;
    assert!(summary.stdout.contains("97 on hand, 0 reserved, 97 available"), "{summary:?}");
    assert_eq!(shop.orders(&["stock", "show", "WIDGET-01", "--at", "noon"]).await.code, 2);
}

#[tokio::test]
async fn a_file_is_imported_with_a_line_for_every_row_at_fault() {
    let shop = Shop::open().await;
    let file = "sku,name,price,stock\nA,First,1.50,5\nB,,1,\n";
    let tried = run(&shop.api.address, &["import", "-", "--dry-run"], file).await;
    assert_eq!(tried.code, 1);
    insta::assert_snapshot!(tried.stdout, @"
    line 3  B  refused  /name: is required for a new product
    2 rows: 1 created, 0 updated, 0 unchanged, 1 refused, nothing written
    ");
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("products.csv");
    std::fs::write(&path, "sku,name,price,stock\nA,First,1.50,5\n").expect("written");
    let imported = shop.orders(&["import", path.to_str().expect("UTF-8")]).await;
    assert_eq!((imported.code, imported.stdout.as_str()), (0, "1 row: 1 created, 0 updated, 0 unchanged, 0 refused\n"));
    assert_eq!(shop.orders(&["import", "/nowhere/products.csv"]).await.code, 2);
}

#[tokio::test]
async fn a_payment_is_shown_and_a_refund_refused_in_words() {
    let shop = Shop::open().await;
    let order = json!({"customer_id": "c", "email": "a@b", "items": [{"sku": "WIDGET-01", "quantity": 1}]});
    let (_, order) = answer(shop.api.post("/api/v1/orders", &order)).await;
    let id = order["id"].as_str().expect("an id");
    let shown = shop.orders(&["payment", id]).await;
    assert_eq!((shown.code, shown.stdout.trim_end()), (0, "payment    not yet answered"));
    let refused = shop.orders(&["refund", id, "--reason", "broken"]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("the order is pending"), "{refused:?}");
}
