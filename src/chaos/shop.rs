//! What is ordered in a chaos run: the products, and orders drawn from the seed. Used by [`super::load`].

use fastrand::Rng;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// Every second order wants this one: its row is the one all fight for.
const HOT: &str = "HOT-1";
/// Runs out soon.
const SCARCE: &str = "SCARCE-1";
const REGULAR: usize = 12;
/// More than any run sells, and few enough to be sold out: units of each.
const PLENTY: i64 = 10_000_000;
const FEW: i64 = 25;

pub struct Product {
    pub sku: String,
    pub cents: u32,
    pub stock: i64,
}

pub fn products() -> Vec<Product> {
    let product = |sku: &str, cents, stock| Product { sku: sku.to_owned(), cents, stock };
    let mut products = vec![product(HOT, 1_990, PLENTY), product(SCARCE, 9_900, FEW)];
    let prices = (0_u32..).map(|place| 495 + 250 * place);
    products.extend((1..=REGULAR).zip(prices).map(|(n, cents)| product(&format!("REGULAR-{n}"), cents, PLENTY)));
    products
}

/// An order as a customer wants it: lines of product and quantity.
#[derive(Clone, Debug)]
pub struct Wish {
    pub customer: u32,
    pub lines: Vec<(String, u32, u32)>,
    pub declined: bool,
}

impl Wish {
    pub fn draw(random: &mut Rng, products: &[Product]) -> Self {
        let mut lines = Vec::new();
        let mut take = |sku: &str, quantity| {
            let found = products.iter().find(|product| product.sku == sku);
            lines.extend(found.map(|product| (product.sku.clone(), product.cents, quantity)));
        };
        if random.u8(..100) < 50 {
            take(HOT, random.u32(1..=3));
        }
        take(&format!("REGULAR-{}", random.usize(1..=REGULAR)), random.u32(1..=2));
        if random.u8(..100) < 3 {
            take(SCARCE, random.u32(1..=3));
        }
        Self { customer: random.u32(1..=500), lines, declined: random.u8(..100) < 4 }
    }

    /// An order that nothing keeps from being confirmed.
    pub fn probe(products: &[Product]) -> Self {
        let sku = format!("REGULAR-{REGULAR}");
        let lines = products.iter().filter(|product| product.sku == sku).map(|p| (p.sku.clone(), p.cents, 1)).collect();
        Self { customer: 0, lines, declined: false }
    }

    /// The body of POST /api/v1/orders.
    pub fn form(&self) -> Value {
        let items: Vec<Value> =
            self.lines.iter().map(|(sku, _, quantity)| json!({"sku": sku, "quantity": quantity})).collect();
        json!({
            "customer_id": format!("c-{}", self.customer),
            "email": format!("c{}@chaos.example", self.customer),
            "phone": format!("+1202555{:04}", 100 + self.customer % 100),
            "items": items,
            "payment_token": if self.declined { "tok_declined" } else { "tok_visa" },
        })
    }

    /// The order's JSON as any AMQP client publishes it.
    pub fn message(&self, id: Uuid) -> Value {
        let mut order = self.form();
        let items = self.lines.iter();
        let items: Vec<Value> = items
            .map(|(sku, cents, quantity)| json!({"sku": sku, "quantity": quantity, "price": money(*cents)}))
            .collect();
        order["items"] = items.into();
        order["total"] = money(self.lines.iter().map(|(_, cents, quantity)| cents * quantity).sum());
        order["id"] = json!(id);
        order["status"] = json!("pending");
        order["created_at"] = json!(OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default());
        order
    }
}

/// Exact: two digits behind the point pass through a JSON number unchanged.
fn money(cents: u32) -> Value {
    json!(f64::from(cents) / 100.0)
}
