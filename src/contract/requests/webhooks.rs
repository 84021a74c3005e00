//! The bodies that `/api/v1/webhooks` takes.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};

use crate::domain::CustomerId;
use crate::domain::webhook::EventPattern;

/// Where a partner wants to be told of which events.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"url": "https://partner.example/webhooks", "event_types": ["order.*", "stock.low"]})))]
pub struct NewWebhook {
    /// An https address of a public host, without user, password or fragment.
    #[schema(
        max_length = 2048,
        pattern = r"^https://(\[[0-9a-fA-F:.]+\]|[^\s\x00-\x1f\x7f-\x9f/?#\\@:.\[\]]+(\.[^\s\x00-\x1f\x7f-\x9f/?#\\@:.\[\]]+)+)(:[0-9]{1,5})?([/?][^\s\x00-\x1f\x7f-\x9f#]*)?$",
        examples("https://partner.example/webhooks")
    )]
    pub url: String,
    #[schema(min_items = 1, max_items = 50)]
    pub event_types: Vec<EventPattern>,
    /// For people; absent means none.
    #[schema(max_length = 255, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", examples("stock mirror of the Berlin shop"))]
    pub description: Option<String>,
    /// Only events about this customer's orders; absent means all.
    pub customer_id: Option<CustomerId>,
}

/// What is to be changed of an endpoint; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"event_types": ["*"], "customer_id": null})))]
pub struct WebhookChange {
    /// An https address of a public host, without user, password or fragment.
    #[schema(
        max_length = 2048,
        pattern = r"^https://(\[[0-9a-fA-F:.]+\]|[^\s\x00-\x1f\x7f-\x9f/?#\\@:.\[\]]+(\.[^\s\x00-\x1f\x7f-\x9f/?#\\@:.\[\]]+)+)(:[0-9]{1,5})?([/?][^\s\x00-\x1f\x7f-\x9f#]*)?$",
        examples("https://partner.example/webhooks")
    )]
    pub url: Option<String>,
    #[schema(min_items = 1, max_items = 50)]
    pub event_types: Option<Vec<EventPattern>>,
    #[schema(max_length = 255, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", examples("stock mirror of the Berlin shop"))]
    pub description: Option<String>,
    /// Only events about this customer's orders; `null` means all.
    #[schema(schema_with = customer_or_null)]
    pub customer_id: Option<Value>,
}

/// How a new secret takes over.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"overlap_seconds": 86_400})))]
pub struct Rotation {
    /// So many seconds the old secret signs, too; absent means 86400, a day.
    #[schema(minimum = 0, maximum = 2_592_000, examples(86_400))]
    pub overlap_seconds: Option<i64>,
}

/// Which events are sent again: those of this time that the endpoint wants and has not taken.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"since": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z"})))]
pub struct Resend {
    /// From this time on, RFC 3339.
    #[schema(format = DateTime, examples("2026-11-21T00:00:00Z"))]
    pub since: String,
    /// Before this time, RFC 3339; absent means now.
    #[schema(format = DateTime, examples("2026-11-22T00:00:00Z"))]
    pub until: Option<String>,
    /// `next_cursor` of the answer before, to go on.
    #[schema(min_length = 1)]
    pub cursor: Option<String>,
}

fn customer_or_null() -> Schema {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(CustomerId::MAX))
        .pattern(Some(r"^[^\s\x00-\x1f\x7f-\x9f]+$"));
    Schema::OneOf(OneOfBuilder::new().item(text).item(ObjectBuilder::new().schema_type(Type::Null)).build())
}
