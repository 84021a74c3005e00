//! Products from a CSV file: a verdict for every row, good ones taken, bad ones named, and nothing twice.

use serde_json::{Value, json};

use super::shop;
use crate::support::{Api, answer};

const FILE: &str = "\
sku,name,price,stock,low_stock_threshold,active
NEW-1,\"Gadget, \"\"blue\"\"\",9.99,7,2,
NEW-2,,1.00,,,
WIDGET-01,,24.50,90,,
a b,Bad,1.999,-1,many,maybe
NEW-3,Third,1,1,,false
NEW-1,Again,1,,,
";

async fn import(api: &Api, query: &str, file: &str) -> Value {
    let (status, body) = answer(api.post_csv(&format!("/api/v1/inventory/imports{query}"), file.to_owned())).await;
    assert_eq!(status, 200, "{body}");
    body
}

fn verdicts(imported: &Value) -> Vec<(u64, &str)> {
    let rows = imported["rows"].as_array().expect("rows");
    rows.iter()
        .map(|row| (row["line"].as_u64().expect("a line"), row["verdict"].as_str().expect("a verdict")))
        .collect()
}

#[tokio::test]
async fn good_rows_are_taken_and_bad_ones_are_named() {
    let (database, api) = shop().await;
    let imported = import(&api, "", FILE).await;
    assert_eq!(
        verdicts(&imported),
        [(2, "created"), (3, "refused"), (4, "updated"), (5, "refused"), (6, "created"), (7, "refused")]
    );
    let pointers = |row: usize| {
        let errors = imported["rows"][row]["errors"].as_array().expect("errors").iter();
        errors.map(|error| error["pointer"].as_str().expect("a pointer").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(pointers(1), ["/name"]);
    assert_eq!(pointers(3), ["/sku", "/price", "/stock", "/low_stock_threshold", "/active"]);
    assert_eq!(imported["rows"][5]["errors"][0]["detail"], "stands in line 2 already");
    let counts = ["created", "updated", "unchanged", "refused"].map(|name| imported[name].as_i64().expect("a count"));
    assert_eq!(counts, [2, 1, 0, 3]);

    let (_, widget) = answer(api.get("/api/v1/products/WIDGET-01")).await;
    assert_eq!(
        (&widget["price"], &widget["on_hand"], &widget["name"]),
        (&json!(24.5), &json!(90), &json!("Product WIDGET-01"))
    );
    let (_, new) = answer(api.get("/api/v1/products/NEW-1")).await;
    assert_eq!(
        (&new["name"], &new["on_hand"], &new["low_stock_threshold"]),
        (&json!("Gadget, \"blue\""), &json!(7), &json!(2))
    );
    assert_eq!(answer(api.get("/api/v1/products/NEW-3")).await.1["active"], false);
    let moved = "select sum(quantity)::bigint from stock_movements where reason = 'import' and kind = 'adjust'";
    assert_eq!(database.number(moved).await, -10);
    assert_eq!(database.number("select count(*) from product_prices where sku = 'WIDGET-01'").await, 2);
}

#[tokio::test]
async fn the_same_file_again_changes_nothing_and_a_trial_writes_nothing() {
    let (database, api) = shop().await;
    let rows = async || {
        database.number("select (select count(*) from products) + (select count(*) from stock_movements)").await
    };
    let before = rows().await;
    let tried = import(&api, "?dry_run=true", FILE).await;
    assert_eq!((tried["dry_run"].as_bool(), tried["created"].as_u64(), rows().await), (Some(true), Some(2), before));
    import(&api, "", FILE).await;
    let after = rows().await;
    let again = import(&api, "", FILE).await;
    assert_eq!(
        (again["unchanged"].as_u64(), again["created"].as_u64(), again["updated"].as_u64()),
        (Some(3), Some(0), Some(0))
    );
    assert_eq!(rows().await, after);
}

#[tokio::test]
async fn stock_never_falls_below_what_is_reserved() {
    let (database, api) = shop().await;
    database.execute("update stock set reserved = 10").await;
    let imported = import(&api, "", "sku,stock\nWIDGET-01,9\n").await;
    assert_eq!(verdicts(&imported), [(2, "refused")]);
    assert_eq!(imported["rows"][0]["errors"][0]["pointer"], "/stock");
    assert_eq!(verdicts(&import(&api, "", "sku,stock\nWIDGET-01,10\n").await), [(2, "updated")]);
    assert_eq!(database.number("select on_hand from stock").await, 10);
}

#[tokio::test]
async fn two_imports_of_one_file_at_once_make_each_product_once() {
    let (database, api) = shop().await;
    let file: String = std::iter::once("sku,name,price,stock\n".to_owned())
        .chain((0..500).map(|n| format!("P-{n},Product {n},1.50,10\n")))
        .collect();
    let (one, other) = tokio::join!(import(&api, "", &file), import(&api, "", &file));
    let created = |imported: &Value| imported["created"].as_u64().expect("a count");
    assert_eq!(created(&one) + created(&other), 500);
    assert_eq!(database.number("select count(*) from stock where on_hand = 10").await, 500);
    assert_eq!(database.number("select count(*) from stock_movements where kind = 'initial'").await, 501);
}

#[tokio::test]
async fn a_file_that_is_no_table_of_products_is_refused_as_a_whole() {
    let (_database, api) = shop().await;
    let path = "/api/v1/inventory/imports";
    let (status, problem) = answer(api.post(path, &json!({}))).await;
    assert_eq!((status, &problem["type"]), (415, &json!("/problems/unsupported-media-type")));
    for (file, pointer) in [("", "/sku"), ("sku,colour\nA,red\n", "/colour"), ("sku\n", "")] {
        let (status, problem) = answer(api.post_csv(path, file)).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{file:?}");
    }
    let (status, problem) = answer(api.post_csv(path, vec![b'x'; (4 << 20) + 1])).await;
    assert_eq!((status, &problem["type"]), (413, &json!("/problems/body-too-large")));
}
