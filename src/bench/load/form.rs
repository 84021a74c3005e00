//! What is ordered: the same orders in every run. Used by [`super::submit`] and by the scenarios
//! that bring their own orders.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// Customers of a run: enough that none stands out, few enough that most return.
const CUSTOMERS: u64 = 1_000;
/// 555-0100 to 555-0199 are kept free for fiction.
const NUMBERS: u64 = 100;

/// The body of POST /api/v1/orders: one line or, in every second order, two.
pub fn body(number: u64, products: &[String], payment_token: Option<&str>) -> String {
    let customer = number % CUSTOMERS;
    let first = pick(number, products);
    let mut items = vec![json!({"sku": first, "quantity": 1 + number % 3})];
    let second = pick(number / 2 + 1, products);
    if number.is_multiple_of(2) && second != first {
        items.push(json!({"sku": second, "quantity": 1}));
    }
    let mut order = json!({
        "customer_id": format!("bench-{customer}"),
        "email": format!("customer{customer}@bench.example"),
        "phone": format!("+1202555{:04}", 100 + customer % NUMBERS),
        "items": items,
    });
    if let Some(token) = payment_token {
        order["payment_token"] = Value::from(token);
    }
    order.to_string()
}

/// An order as any AMQP client publishes it, for one of a product.
pub fn late_order(id: Uuid, sku: &str) -> Value {
    json!({
        "id": id,
        "customer_id": "bench-late",
        "email": "late@bench.example",
        "items": [{"sku": sku, "quantity": 1, "price": 9.99}],
        "total": 9.99,
        "status": "pending",
        "created_at": OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
    })
}

fn pick(number: u64, products: &[String]) -> &str {
    let place = usize::try_from(number).unwrap_or_default() % products.len().max(1);
    products.get(place).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_order_has_two_lines_and_none_names_a_product_twice() {
        let products: Vec<String> = (1..=7).map(|number| format!("P-{number}")).collect();
        let mut lines = 0;
        for number in 0..1_000 {
            let order: Value = serde_json::from_str(&body(number, &products, None)).expect("JSON");
            let items = order["items"].as_array().expect("items");
            assert!(items.len() == 1 || items[0]["sku"] != items[1]["sku"]);
            lines += items.len();
        }
        assert!((1_400..1_500).contains(&lines), "{lines}");
        let hot: Value = serde_json::from_str(&body(2, &products[..1], Some("tok_visa"))).expect("JSON");
        assert_eq!((hot["items"].as_array().map(Vec::len), &hot["payment_token"]), (Some(1), &json!("tok_visa")));
    }
}
