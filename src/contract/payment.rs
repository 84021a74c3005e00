//! Requests to and answers of the payment-service (`payment_requests`, AMQP request/reply).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{CustomerId, Money, OrderId};

/// A request; the payment key is the order's id, so one order is charged once whatever arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type")]
pub enum PaymentRequest {
    #[serde(rename = "payment.take")]
    Take {
        order_id: OrderId,
        customer_id: CustomerId,
        amount: Money,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payment_token: Option<String>,
    },
    /// Makes sure that no money is held: voids or refunds, and refuses a later `payment.take`.
    #[serde(rename = "payment.cancel")]
    Cancel { order_id: OrderId },
}

impl PaymentRequest {
    pub fn order_id(&self) -> OrderId {
        match self {
            Self::Take { order_id, .. } | Self::Cancel { order_id } => *order_id,
        }
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::Take { .. } => "payment.take",
            Self::Cancel { .. } => "payment.cancel",
        }
    }
}

/// The answer, sent to the request's `reply_to` with its `correlation_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type")]
pub enum PaymentReply {
    #[serde(rename = "payment.taken")]
    Taken { order_id: OrderId, reference: String },
    #[serde(rename = "payment.declined")]
    Declined { order_id: OrderId, code: String },
    #[serde(rename = "payment.cancelled")]
    Cancelled { order_id: OrderId, refunded: bool },
}

impl PaymentReply {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "payment.taken",
            Self::Declined { .. } => "payment.declined",
            Self::Cancelled { .. } => "payment.cancelled",
        }
    }
}
