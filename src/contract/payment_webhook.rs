//! What a payment gateway tells later about a charge that it had left open: the body of `POST /api/v1/payments/webhook`, in the
//! form that Standard Webhooks recommends. Read by the intake; written by the simulated gateway and by its stand-in.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::domain::OrderId;

pub const SUCCEEDED: &str = "payment.succeeded";
pub const FAILED: &str = "payment.failed";

/// A result of a payment that was pending. Events of other types are taken and ignored: gateways send many, and more with each year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({
    "type": "payment.succeeded", "timestamp": "2026-11-21T01:52:27Z",
    "data": {"order_id": "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90", "reference": "ch_1"}
})))]
pub struct PaymentWebhook {
    /// `payment.succeeded` or `payment.failed`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(with = "time::serde::rfc3339")]
    pub timestamp: OffsetDateTime,
    pub data: PaymentResult,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentResult {
    /// The payment key, as it was given with the charge.
    pub order_id: OrderId,
    /// The gateway's name for the charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}
