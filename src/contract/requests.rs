//! The bodies that the HTTP API takes, as its OpenAPI document shows them. They are read by [`super::Fields`], which reports every
//! fault at once; these types only describe. That reader and description agree is shown by `./dev contract`, which sends what the
//! document allows and what it forbids. Money may be written as a string, too; `null` counts as absent.

mod dead_letters;
mod webhooks;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::schemas::{amount, delta, optional_amount};
use crate::domain::{Carrier, CustomerId, Email, OrderId, OrderStatus, Priority, Sku, TrackingNumber};
pub use dead_letters::{
    Erasure, LetterChoice, LetterFilter, LetterGroupChange, LetterRepair, LettersByFilter, LettersByName, NamedLetters,
    NewReplay, ReplayQuestion,
};
pub use webhooks::{NewWebhook, Resend, Rotation, WebhookChange};

/// An order to submit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "customer_id": "c-17", "email": "ada@shop.example", "phone": "+49 (30) 123-456",
    "items": [{"sku": "GADGET-01", "quantity": 2, "price": 19.99}], "total": 39.98
})))]
pub struct NewOrder {
    pub customer_id: CustomerId,
    pub email: Email,
    /// 7 to 15 digits after an optional plus sign; spaces, dashes, dots and brackets are dropped. Empty counts as absent.
    #[schema(pattern = r"^$|^([ .()-]*\+)?([ .()-]*[0-9]){7,15}[ .()-]*$", examples("+49 (30) 123-456"))]
    pub phone: Option<String>,
    #[schema(min_items = 1, max_items = 100)]
    pub items: Vec<NewItem>,
    /// What the customer was shown; the order is refused if it is not the sum of the lines.
    #[schema(schema_with = optional_amount)]
    pub total: Option<Value>,
    /// What the customer agreed to pay for all of it; when it costs something else now, the order is refused as `price-changed`.
    #[schema(schema_with = optional_amount)]
    pub expected_price: Option<Value>,
    /// `high` overtakes the orders that wait to be looked at.
    pub priority: Option<Priority>,
    /// What the payment gateway charges; absent means the customer's stored method. In no answer of the API.
    #[schema(min_length = 1, max_length = 255, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", examples("tok_visa"))]
    pub payment_token: Option<String>,
    /// The shop's own data: kept and passed on, never read. Without the character U+0000.
    pub metadata: Option<Map<String, Value>>,
}

/// So many units of one product.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewItem {
    pub sku: Sku,
    #[schema(minimum = 1, maximum = 10_000, examples(2))]
    pub quantity: u32,
    /// What the customer was shown; the order is refused if the catalogue says otherwise. Absent means today's price.
    #[schema(schema_with = optional_amount)]
    pub price: Option<Value>,
    /// The price that the customer agreed to; another one of today refuses the order as `price-changed`.
    #[schema(schema_with = optional_amount)]
    pub expected_price: Option<Value>,
}

/// Many orders to submit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"orders": [{
    "customer_id": "c-17", "email": "ada@shop.example", "items": [{"sku": "WIDGET-01", "quantity": 2}],
    "idempotency_key": "basket-4711"
}]})))]
pub struct BulkOrders {
    /// Each is judged by itself: a row that is none of these is refused in its verdict, and costs its neighbours nothing.
    #[schema(min_items = 1, max_items = 1_000)]
    pub orders: Vec<BulkRow>,
}

/// An order, and perhaps the key under which this row can be sent again.
#[derive(Deserialize)]
pub struct BulkRow;

/// Under which a request can be repeated until it is answered.
pub struct RequestKey;

/// Where a range of time begins or ends.
pub struct MomentOrDate;

/// Why something was asked of an order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"reason": "ordered twice"})))]
pub struct Because {
    /// For the order's history; the customer does not see it.
    #[schema(
        min_length = 1,
        max_length = 500,
        pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$",
        examples("ordered twice")
    )]
    pub reason: Option<String>,
}

/// How an order left the warehouse.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"carrier": "DHL", "tracking_number": "00340434161094042557"})))]
pub struct NewShipment {
    pub carrier: Carrier,
    pub tracking_number: TrackingNumber,
}

/// A note on an order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"text": "customer called: ring twice", "visibility": "internal"})))]
pub struct NewNote {
    #[schema(
        min_length = 1,
        max_length = 4_000,
        pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$",
        examples("customer called: ring twice")
    )]
    pub text: String,
    /// `public` notes are the customer's to read, too. Absent: `public` from customers, `internal` from everybody else.
    #[schema(pattern = "^(internal|public)$")]
    pub visibility: Option<String>,
}

/// An order as any AMQP client may publish it. One that the API accepted has more fields.
#[derive(ToSchema)]
pub struct SubmittedOrder {
    /// Chosen by the client; the same id is the same order.
    pub id: OrderId,
    pub customer_id: CustomerId,
    pub email: Email,
    /// 7 to 15 digits after an optional plus sign; spaces, dashes, dots and brackets are dropped. Empty counts as absent.
    #[schema(pattern = r"^$|^([ .()-]*\+)?([ .()-]*[0-9]){7,15}[ .()-]*$")]
    pub phone: Option<String>,
    #[schema(min_items = 1, max_items = 100)]
    pub items: Vec<NewItem>,
    /// The order is refused if it is not the sum of the lines.
    #[schema(schema_with = optional_amount)]
    pub total: Option<Value>,
    /// Nothing but `pending`.
    pub status: Option<OrderStatus>,
    /// RFC 3339; ISO 8601 without an offset is read as UTC. Absent means now.
    pub created_at: Option<String>,
    /// What the payment gateway charges; absent means the customer's stored method. In no event and no notification.
    #[schema(min_length = 1, max_length = 255)]
    pub payment_token: Option<String>,
    /// The shop's own data: kept and passed on, never read.
    pub metadata: Option<Map<String, Value>>,
}

/// A product to sell.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "sku": "GADGET-01", "name": "Gadget, small", "price": 19.99, "stock": 100, "low_stock_threshold": 10
})))]
pub struct NewProduct {
    pub sku: Sku,
    pub name: ShortText,
    /// Price of one unit.
    #[schema(schema_with = amount, required)]
    pub price: Value,
    /// Units on the shelf; absent means none.
    #[schema(minimum = 0, maximum = 1_000_000_000, examples(100))]
    pub stock: Option<i64>,
    /// Units available at or below which the shop wants to be warned; absent means 0.
    #[schema(minimum = 0, maximum = 1_000_000_000, examples(10))]
    pub low_stock_threshold: Option<i64>,
    /// Whether it can be ordered; absent means that it can.
    pub active: Option<bool>,
}

/// New values of a product. What is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"price": 17.50, "low_stock_threshold": 5}), json!({"active": false})))]
pub struct ProductChange {
    pub name: Option<ShortText>,
    /// Price of one unit, for orders from now on.
    #[schema(schema_with = optional_amount)]
    pub price: Option<Value>,
    /// Whether it can be ordered.
    pub active: Option<bool>,
    /// Units available at or below which the shop wants to be warned.
    #[schema(minimum = 0, maximum = 1_000_000_000, examples(10))]
    pub low_stock_threshold: Option<i64>,
}

/// Why a customer gets the money back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"reason": "arrived broken"})))]
pub struct RefundRequest {
    /// For the order's history.
    pub reason: ShortText,
}

/// Units that come or go by hand.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"delta": 25, "reason": "delivery 4711"})))]
pub struct Adjustment {
    /// Units to add; negative takes away. Not zero.
    #[schema(schema_with = delta)]
    pub delta: i64,
    /// Why, for the ledger.
    pub reason: ShortText,
}

/// Which parked messages get another turn: those with these `ids`, or `all`.
pub struct Retry;

/// One line of text for people.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct ShortText(pub String);
