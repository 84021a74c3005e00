//! Requests to and answers of the payment-service (`payment_requests`, AMQP request/reply).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Outgoing;
use crate::domain::{CustomerId, Money, OrderId};

/// The steps from which the ids of further cancellations are derived ([`OrderId::message_id`]): one by an operator of a paid order, one
/// of money that arrived after the order had given it up. Each is a request of its own beside the saga's.
pub const REFUND: &str = "payment.refund";
pub const GIVE_BACK: &str = "cancel_late_payment";

/// Queues of the requests and of the saga's answers; `topology` declares them under the same names.
const REQUESTS: &str = "payment_requests";
const REPLIES: &str = "order_replies";

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

    /// The request to the payment-service, to be answered to the saga; `step` tells it from the order's other messages.
    ///
    /// # Errors
    /// Never for these types; the signature is that of the JSON writer.
    pub fn message(&self, step: &str) -> Result<Outgoing, serde_json::Error> {
        let id = self.order_id().message_id(step);
        Ok(Outgoing::json(id, "", REQUESTS, self.kind(), self)?.replying_to(REPLIES))
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
