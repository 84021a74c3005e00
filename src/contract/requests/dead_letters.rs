//! The bodies that the routes about dead letters and replays take.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
};
use uuid::Uuid;

use super::ShortText;
use crate::domain::{CustomerId, OrderId, Sku};

/// Dead letters that a request names, or everything that waits for an operator and matches.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(examples(json!({"filter": {"queue": "email_notifications", "since": "2026-11-21T00:00:00Z"}})))]
pub enum LetterChoice {
    Ids(LettersByName),
    Matching(Box<LettersByFilter>),
}

/// Dead letters that are named.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LettersByName {
    #[schema(min_items = 1, max_items = 1_000)]
    pub ids: Vec<Uuid>,
}

/// Dead letters that wait for an operator and match; `{}` matches all of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LettersByFilter {
    pub filter: LetterFilter,
}

/// Every part that is given must hold.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"queue": "email_notifications"})))]
pub struct LetterFilter {
    /// Its group, as the list of groups shows it.
    pub group_id: Option<Uuid>,
    /// Type of the message, as in `order.submitted`.
    pub kind: Option<ShortText>,
    /// Messages about this customer's orders.
    pub customer_id: Option<CustomerId>,
    /// Messages about this product.
    pub sku: Option<Sku>,
    /// Queue whose consumer failed.
    pub queue: Option<ShortText>,
    /// As in `bad_message`, `refused`, `attempts_exhausted`.
    pub reason: Option<ShortText>,
    /// Messages about this order.
    pub order_id: Option<OrderId>,
    /// Part of the error, in upper or lower case.
    pub text: Option<ShortText>,
    /// Failed last at this time or later, RFC 3339.
    #[schema(format = DateTime, examples("2026-11-21T00:00:00Z"))]
    pub since: Option<String>,
    /// Failed last before this time, RFC 3339.
    #[schema(format = DateTime, examples("2026-11-22T00:00:00Z"))]
    pub until: Option<String>,
}

/// Which dead letters a replay would take.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"letters": {"filter": {"queue": "email_notifications"}}})))]
pub struct ReplayQuestion {
    pub letters: LetterChoice,
}

/// A replay to begin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"letters": {"filter": {"queue": "email_notifications"}}, "reason": "the mail server is back", "rate": 200})))]
pub struct NewReplay {
    pub letters: LetterChoice,
    /// For the audit log.
    pub reason: ShortText,
    /// Most messages per second, once the first have gone well; absent means 500.
    #[schema(minimum = 1, maximum = 10_000, examples(200))]
    pub rate: Option<i32>,
    /// Share of a group that may fail again before the rest of the group is kept; absent means 0.05.
    #[schema(minimum = 0, maximum = 1, examples(0.05))]
    pub failure_limit: Option<f64>,
    /// `false`: all are sent, with retries as usual, and nobody follows them to their end.
    pub watched: Option<bool>,
}

/// A repair of dead letters.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "letters": {"ids": ["01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90"]}, "reason": "wrong article number",
    "patch": [{"op": "replace", "path": "/items/0/sku", "value": "GADGET-01"}], "dry_run": true
})))]
pub struct LetterRepair {
    /// At most 200 of them.
    pub letters: LetterChoice,
    /// Changes of the body as a JSON Patch (RFC 6902), the same for every letter.
    #[schema(schema_with = json_patch, required)]
    pub patch: Value,
    /// For the audit log, without personal data.
    pub reason: ShortText,
    /// Only say what would come of it.
    pub dry_run: Option<bool>,
}

/// Dead letters to give up, or to take back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"ids": ["01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90"], "reason": "a test order"})))]
pub struct NamedLetters {
    #[schema(min_items = 1, max_items = 1_000)]
    pub ids: Vec<Uuid>,
    /// For the audit log, without personal data.
    pub reason: ShortText,
}

/// Whose personal data is to go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"customer_id": "c-17", "reason": "request 4711"})))]
pub struct Erasure {
    pub customer_id: CustomerId,
    /// For the audit log, without personal data.
    pub reason: ShortText,
}

/// What is to be changed of a group of dead letters; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"state": "acknowledged", "owner": "anna", "note": "the partner is told"})))]
pub struct LetterGroupChange {
    #[schema(pattern = "^(open|acknowledged|resolved)$", examples("acknowledged"))]
    pub state: Option<String>,
    /// Who looks after it; `null` for nobody.
    pub owner: Option<ShortText>,
    /// What is known about it; `null` for nothing.
    pub note: Option<ShortText>,
}

/// RFC 6902.
fn json_patch() -> Schema {
    let pointer = |about: &str| {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(about))
            .pattern(Some("^(/([^~]|~[01])*)*$"))
            .examples(["/items/0/sku"])
    };
    let form = |names: &[&str]| {
        ObjectBuilder::new()
            .property("op", ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.to_vec())))
            .property("path", pointer("Where, as a JSON Pointer (RFC 6901)."))
            .required("op")
            .required("path")
            .additional_properties(Some(AdditionalProperties::FreeForm(false)))
    };
    let operation = OneOfBuilder::new()
        .item(
            form(&["add", "replace", "test"])
                .property("value", ObjectBuilder::new().schema_type(SchemaType::AnyValue))
                .required("value"),
        )
        .item(form(&["remove"]))
        .item(form(&["move", "copy"]).property("from", pointer("From where.")).required("from"));
    let list = ArrayBuilder::new().items(operation).min_items(Some(1)).max_items(Some(100));
    Schema::Array(list.build())
}
