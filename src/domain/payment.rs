//! A payment's life, decided apart from any gateway: taking is idempotent, and a cancellation wins over a later taking.

use serde::{Deserialize, Serialize};

/// Where the payment of one order stands. No row yet is `None` of this type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    Taken,
    Declined,
    /// Voided before any money moved; a later request to take it is refused.
    Cancelled,
    Refunded,
}

impl PaymentStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Taken, Self::Declined, Self::Cancelled, Self::Refunded].into_iter().find(|s| s.as_str() == text)
    }
}

/// What to ask of the gateway before the answer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewayCall {
    Charge,
    Refund,
    /// Nothing to ask: the status as it stands is the answer.
    Nothing,
}

/// Which call a request to take the payment needs.
pub fn to_take(status: Option<PaymentStatus>) -> GatewayCall {
    match status {
        None => GatewayCall::Charge,
        Some(PaymentStatus::Taken | PaymentStatus::Declined | PaymentStatus::Cancelled | PaymentStatus::Refunded) => {
            GatewayCall::Nothing
        }
    }
}

/// Which call a request to cancel needs. Without a row the gateway may still hold a charge whose answer was lost: refunding by
/// key is safe in both cases.
pub fn to_cancel(status: Option<PaymentStatus>) -> GatewayCall {
    match status {
        None | Some(PaymentStatus::Taken) => GatewayCall::Refund,
        Some(PaymentStatus::Declined | PaymentStatus::Cancelled | PaymentStatus::Refunded) => GatewayCall::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_payment_without_history_is_charged() {
        assert_eq!(to_take(None), GatewayCall::Charge);
        for status in [PaymentStatus::Taken, PaymentStatus::Declined, PaymentStatus::Cancelled, PaymentStatus::Refunded]
        {
            assert_eq!(to_take(Some(status)), GatewayCall::Nothing);
            assert_eq!(PaymentStatus::parse(status.as_str()), Some(status));
        }
    }

    #[test]
    fn cancelling_asks_the_gateway_unless_money_is_known_not_to_be_held() {
        assert_eq!(to_cancel(None), GatewayCall::Refund);
        assert_eq!(to_cancel(Some(PaymentStatus::Taken)), GatewayCall::Refund);
        assert_eq!(to_cancel(Some(PaymentStatus::Refunded)), GatewayCall::Nothing);
    }
}
