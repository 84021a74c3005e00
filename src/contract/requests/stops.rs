//! The bodies by which operators stop things and end what stands still.

use serde::Deserialize;
use utoipa::ToSchema;

use super::ShortText;

/// Why an operator does something.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"reason": "the gateway charges twice"})))]
pub struct Why {
    /// For whoever wonders, and for the audit log.
    pub reason: ShortText,
}

/// What is to be taken out of a queue.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"reason": "the gateway charges twice", "dry_run": true})))]
pub struct DrainRequest {
    /// For whoever wonders, and for the audit log.
    pub reason: ShortText,
    /// Only say how many messages wait.
    pub dry_run: Option<bool>,
}

/// How an order that stands still is to end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"as": "failed", "reason": "the gateway has lost the payment"})))]
pub struct Resolution {
    #[serde(rename = "as")]
    pub end: ResolvedAs,
    /// For the order's history, and for the audit log.
    pub reason: ShortText,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResolvedAs {
    /// Its stock is reserved and its money taken, or will be.
    Confirmed,
    /// It is undone; the customer is told that it failed.
    Failed,
    /// It is undone; the customer is told that it was cancelled.
    Cancelled,
}
