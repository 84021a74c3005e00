//! The bodies that the HTTP API takes, as its OpenAPI document shows them. They are read by [`super::Fields`], which reports every
//! fault at once; these types only describe. That reader and description agree is shown by `./dev contract`, which sends what the
//! document allows and what it forbids. Money may be written as a string, too; `null` counts as absent.

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};

use crate::domain::{CustomerId, Email, Sku};

/// An order to submit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    pub customer_id: CustomerId,
    pub email: Email,
    /// 7 to 15 digits after an optional plus sign; spaces, dashes, dots and brackets are dropped. Empty counts as absent.
    #[schema(pattern = r"^$|^([ .()-]*\+)?([ .()-]*[0-9]){7,15}[ .()-]*$", example = "+49 (30) 123-456")]
    pub phone: Option<String>,
    #[schema(min_items = 1, max_items = 100)]
    pub items: Vec<NewItem>,
    /// What the customer was shown; the order is refused if it is not the sum of the lines.
    #[schema(schema_with = optional_amount)]
    pub total: Option<Value>,
    /// What the payment gateway charges; absent means the customer's stored method. In no answer of the API.
    #[schema(min_length = 1, max_length = 255, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "tok_visa")]
    pub payment_token: Option<String>,
    /// The shop's own data: kept and passed on, never read. Without the character U+0000.
    pub metadata: Option<Map<String, Value>>,
}

/// So many units of one product.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewItem {
    pub sku: Sku,
    #[schema(minimum = 1, maximum = 10_000, example = 2)]
    pub quantity: u32,
    /// What the customer was shown; the order is refused if the catalogue says otherwise. Absent means today's price.
    #[schema(schema_with = optional_amount)]
    pub price: Option<Value>,
}

/// A product to sell.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProduct {
    pub sku: Sku,
    pub name: ShortText,
    /// Price of one unit.
    #[schema(schema_with = amount, required)]
    pub price: Value,
    /// Units on the shelf; absent means none.
    #[schema(minimum = 0, maximum = 1_000_000_000, example = 100)]
    pub stock: Option<i64>,
    /// Units available at or below which the shop wants to be warned; absent means 0.
    #[schema(minimum = 0, maximum = 1_000_000_000, example = 10)]
    pub low_stock_threshold: Option<i64>,
    /// Whether it can be ordered; absent means that it can.
    pub active: Option<bool>,
}

/// New values of a product. What is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductChange {
    pub name: Option<ShortText>,
    /// Price of one unit, for orders from now on.
    #[schema(schema_with = optional_amount)]
    pub price: Option<Value>,
    /// Whether it can be ordered.
    pub active: Option<bool>,
    /// Units available at or below which the shop wants to be warned.
    #[schema(minimum = 0, maximum = 1_000_000_000, example = 10)]
    pub low_stock_threshold: Option<i64>,
}

/// Why a customer gets the money back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundRequest {
    /// For the order's history.
    pub reason: ShortText,
}

/// Units that come or go by hand.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Adjustment {
    /// Units to add; negative takes away. Not zero.
    #[schema(minimum = -1_000_000_000, maximum = 1_000_000_000, example = 25)]
    pub delta: i64,
    /// Why, for the ledger.
    pub reason: ShortText,
}

/// Which parked messages get another turn: either `ids` or `all`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Messages by their place in the outbox, as the list of parked messages shows them.
    #[schema(min_items = 1, max_items = 1_000)]
    pub ids: Option<Vec<i64>>,
    /// `true` for every parked message.
    pub all: Option<bool>,
}

/// One line of text for people.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct ShortText(pub String);

/// Money in a request.
pub fn amount() -> Schema {
    one_of(&[Type::Number, Type::String])
}

/// Money in a request that may be left out.
pub fn optional_amount() -> Schema {
    one_of(&[Type::Number, Type::String, Type::Null])
}

fn one_of(types: &[Type]) -> Schema {
    let forms = types.iter().map(|form| {
        let object = ObjectBuilder::new().schema_type(form.clone());
        match form {
            Type::Number => object.minimum(Some(0)).maximum(Some(9_999_999_999.99)).examples([19.99]),
            Type::String => object.pattern(Some("^[0-9.eE+_-]+$")).examples(["19.99"]),
            Type::Null | Type::Object | Type::Integer | Type::Boolean | Type::Array => object,
        }
    });
    let choice = OneOfBuilder::new().description(Some("At most two decimal places, as a number or a string."));
    Schema::OneOf(forms.fold(choice, OneOfBuilder::item).build())
}
