//! What any payment gateway must offer. Called by the payment-service.

use std::future::Future;

use uuid::Uuid;

use crate::domain::Money;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeRequest {
    /// The payment's key: one key is charged at most once, however often it is asked.
    pub key: Uuid,
    pub amount: Money,
    /// What the customer pays with, as the shop's front end got it.
    pub token: Option<String>,
    /// Which try of this request it is, from 1.
    pub attempt: u32,
}

/// The gateway's decision. Declined is an answer, not an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charge {
    Taken {
        reference: String,
    },
    Declined {
        code: String,
    },
    /// Accepted, and decided later: the gateway tells by its webhook.
    Pending {
        reference: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refund {
    Refunded {
        reference: String,
    },
    /// No money was held under this key, and a charge that is still on its way will be declined.
    NothingHeld,
}

/// No decision; asking again with the same key is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    #[error("the payment gateway is not available")]
    Unavailable,
    /// The money may have been taken.
    #[error("the payment gateway did not answer in time")]
    Timeout,
}

pub trait PaymentGateway: Send + Sync {
    /// Takes the amount. A repeated key gets the first decision again, without a second charge.
    fn charge(&self, request: &ChargeRequest) -> impl Future<Output = Result<Charge, GatewayError>> + Send;

    /// Gives back what is held under the key, and voids the key: no later charge under it succeeds.
    ///
    /// `charged` is the reference of the charge as far as the caller has recorded one. It is what lets a gateway refund a
    /// charge that it does not remember itself; without it (the answer to the charge was lost) the gateway's memory decides.
    fn refund(&self, key: Uuid, charged: Option<&str>) -> impl Future<Output = Result<Refund, GatewayError>> + Send;
}
