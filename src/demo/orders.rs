//! What is ordered: the same orders in every run, and what must become of the special ones. Sent by [`super::submit`], judged by
//! [`super::expectations`].

use serde_json::{Value, json};
use uuid::Uuid;

use super::catalogue::{FORGOTTEN, NewProduct, REGULAR, SCARCE};

/// By HTTP, the special ones among them.
pub const BY_HTTP: usize = 50;
/// By the command `orders`: this many by flags, the rest as rows of one file.
pub const BY_FLAGS: usize = 2;
pub const BY_ROWS: usize = 3;
/// Straight over AMQP: one by `orders submit --amqp`, one as a foreign program would.
pub const BY_AMQP: usize = 2;
/// One more over AMQP, for a product that the catalogue does not know yet.
pub const TOO_EARLY: usize = 1;
/// All that must end as an order.
pub const ALL: usize = BY_HTTP + BY_FLAGS + BY_ROWS + BY_AMQP + TOO_EARLY;
/// Those that must fail: out of stock, and declined.
pub const FAILING: usize = 2;

const CUSTOMERS: [&str; 10] =
    ["ada", "grace", "edsger", "barbara", "donald", "frances", "alan", "katherine", "dennis", "margaret"];

/// The orders that must not go the usual way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    OutOfStock,
    Declined,
    /// Its payment fails twice, then succeeds: 5 s and 30 s on the retry ladder.
    RetriedTwice,
}

impl Special {
    /// Which of the orders by HTTP it is: somewhere in the crowd.
    pub fn position(self) -> usize {
        match self {
            Self::RetriedTwice => 3,
            Self::OutOfStock => 17,
            Self::Declined => 31,
        }
    }

    fn at(position: usize) -> Option<Self> {
        [Self::OutOfStock, Self::Declined, Self::RetriedTwice].into_iter().find(|one| one.position() == position)
    }
}

/// The body of the order by HTTP at this position.
pub fn by_http(position: usize) -> Value {
    let (items, token) = match Special::at(position) {
        None => (usual_items(position), "tok_visa"),
        Some(Special::OutOfStock) => (vec![line(&REGULAR[0], 1), line(&SCARCE, 3)], "tok_visa"),
        // Of products that announce no low stock: giving them back and taking them again must not repeat an event
        Some(Special::Declined) => (vec![line(&REGULAR[3], 2), line(&REGULAR[2], 4)], "tok_declined"),
        Some(Special::RetriedTwice) => (vec![line(&REGULAR[1], 2), line(&REGULAR[0], 3)], "tok_error_twice"),
    };
    let mut order = customer(position);
    order["items"] = items.into();
    order["payment_token"] = token.into();
    order
}

/// One row of the file for `orders submit --jsonl`.
pub fn by_row(position: usize) -> Value {
    let mut order = customer(position);
    order["items"] = usual_items(position).into();
    order
}

/// The arguments of `orders submit` that name customer and items.
pub fn by_flags(position: usize) -> Vec<String> {
    let customer = customer(position);
    let text = |field: &str| customer[field].as_str().unwrap_or_default().to_owned();
    let mut flags = vec!["--customer".to_owned(), text("customer_id"), "--email".to_owned(), text("email")];
    for item in usual_items(position) {
        let sku = item["sku"].as_str().unwrap_or_default();
        flags.extend(["--item".to_owned(), format!("{sku}:{}", item["quantity"])]);
    }
    flags
}

/// The order's JSON as any AMQP client may publish it.
pub fn by_foreign_program(id: Uuid, position: usize, product: &NewProduct, quantity: u32, now: &str) -> Value {
    let mut order = customer(position);
    order["id"] = json!(id);
    order["items"] = json!([{"sku": product.sku, "quantity": quantity, "price": money(product.cents)}]);
    order["total"] = money(product.cents * quantity);
    order["status"] = "pending".into();
    order["created_at"] = now.into();
    order
}

/// For the product that the catalogue does not know yet.
pub fn too_early(id: Uuid, now: &str) -> Value {
    by_foreign_program(id, ALL, &FORGOTTEN, 2, now)
}

/// No order at all, and no JSON either: the end is missing.
pub fn poison(now: &str) -> Vec<u8> {
    format!(r#"{{"id": 4711, "items": "one of each", "created_at": "{now}", "total": "#).into_bytes()
}

fn customer(position: usize) -> Value {
    let name = CUSTOMERS[position % CUSTOMERS.len()];
    json!({
        "customer_id": format!("c-{name}"),
        "email": format!("{name}@tea.example"),
        // 555-0100 to 555-0199 are kept free for fiction
        "phone": format!("+1202555{:04}", 100 + position % CUSTOMERS.len()),
    })
}

/// One product or two, one to three units of the first.
fn usual_items(position: usize) -> Vec<Value> {
    let (first, second) = (&REGULAR[position % REGULAR.len()], &REGULAR[(position + 2) % REGULAR.len()]);
    let quantity = 1 + u32::try_from(position % 3).unwrap_or_default();
    let mut items = vec![line(first, quantity)];
    if position.is_multiple_of(2) {
        items.push(line(second, 1));
    }
    items
}

fn line(product: &NewProduct, quantity: u32) -> Value {
    json!({"sku": product.sku, "quantity": quantity})
}

/// Exact: two digits behind the point pass through a JSON number unchanged.
fn money(cents: u32) -> Value {
    json!(f64::from(cents) / 100.0)
}
