//! A payment's life, decided apart from any gateway: taking is idempotent, and a cancellation wins over a later taking.

use serde::{Deserialize, Serialize};

/// Where the payment of one order stands. No row yet is `None` of this type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The gateway will tell later.
    Pending,
    Taken,
    Declined,
    /// Voided before any money moved; a later request to take it is refused.
    Cancelled,
    Refunded,
}

impl PaymentStatus {
    pub const ALL: [Self; 5] = [Self::Pending, Self::Taken, Self::Declined, Self::Cancelled, Self::Refunded];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Taken => "taken",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
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
    use PaymentStatus::{Cancelled, Declined, Pending, Refunded, Taken};
    match status {
        None => GatewayCall::Charge,
        Some(Pending | Taken | Declined | Cancelled | Refunded) => GatewayCall::Nothing,
    }
}

/// Which call a request to cancel needs. Without a row the gateway may still hold a charge whose answer was lost: refunding by
/// key is safe in both cases.
pub fn to_cancel(status: Option<PaymentStatus>) -> GatewayCall {
    match status {
        None | Some(PaymentStatus::Pending | PaymentStatus::Taken) => GatewayCall::Refund,
        Some(PaymentStatus::Declined | PaymentStatus::Cancelled | PaymentStatus::Refunded) => GatewayCall::Nothing,
    }
}

/// What was asked of the gateway, or told by it without being asked; one entry of a payment's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Charge,
    Refund,
    Webhook,
}

impl Call {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Webhook => "webhook",
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    Taken,
    Declined,
    Pending,
    Refunded,
    NothingHeld,
    /// No answer, or none that decides anything: asked again later.
    Failed,
}

impl AttemptOutcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Declined => "declined",
            Self::Pending => "pending",
            Self::Refunded => "refunded",
            Self::NothingHeld => "nothing_held",
            Self::Failed => "failed",
        }
    }
}

/// What the gateway tells later about a charge that it had left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateResult {
    Succeeded,
    Failed,
}

/// What a late result means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settling {
    /// The money is there, and the order waits for it.
    Take,
    Decline,
    /// The money is there, and nobody wants it any more.
    GiveBack,
    /// A repetition, or a contradiction that moves no money.
    Nothing,
}

impl Settling {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Take => "taken",
            Self::Decline => "declined",
            Self::GiveBack => "given_back",
            Self::Nothing => "nothing",
        }
    }
}

/// Decides a late result by what is recorded of the payment. Without a row the result has overtaken the answer to the charge itself;
/// `is_given_up` says whether the order has ended without success meanwhile.
pub fn settle(status: Option<PaymentStatus>, is_given_up: bool, result: LateResult) -> Settling {
    use PaymentStatus::{Cancelled, Declined, Pending, Refunded, Taken};
    match (status, result) {
        (None | Some(Pending), LateResult::Succeeded) if is_given_up => Settling::GiveBack,
        (None | Some(Pending), LateResult::Succeeded) => Settling::Take,
        (None | Some(Pending), LateResult::Failed) => Settling::Decline,
        (Some(Cancelled | Declined), LateResult::Succeeded) => Settling::GiveBack,
        // what was refunded is given back already; the result only arrives late
        (Some(Taken | Refunded), LateResult::Succeeded) => Settling::Nothing,
        (Some(Taken | Declined | Cancelled | Refunded), LateResult::Failed) => Settling::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_success_is_taken_once_and_given_back_when_nobody_wants_it() {
        use PaymentStatus::{Cancelled, Declined, Pending, Refunded, Taken};
        let settled = |status, is_given_up| settle(status, is_given_up, LateResult::Succeeded);
        assert_eq!((settled(Some(Pending), false), settled(None, false)), (Settling::Take, Settling::Take));
        for status in [Some(Cancelled), Some(Declined)] {
            assert_eq!(settled(status, false), Settling::GiveBack);
        }
        assert_eq!(settled(None, true), Settling::GiveBack);
        for status in [Taken, Refunded] {
            assert_eq!(settled(Some(status), true), Settling::Nothing);
        }
    }

    #[test]
    fn a_late_failure_only_ends_what_is_open() {
        let settled = |status| settle(status, false, LateResult::Failed);
        assert_eq!((settled(None), settled(Some(PaymentStatus::Pending))), (Settling::Decline, Settling::Decline));
        for status in PaymentStatus::ALL.into_iter().filter(|status| *status != PaymentStatus::Pending) {
            assert_eq!(settled(Some(status)), Settling::Nothing);
        }
    }

    #[test]
    fn only_a_payment_without_history_is_charged() {
        assert_eq!(to_take(None), GatewayCall::Charge);
        for status in PaymentStatus::ALL {
            assert_eq!(to_take(Some(status)), GatewayCall::Nothing);
            assert_eq!(PaymentStatus::parse(status.as_str()), Some(status));
        }
    }

    #[test]
    fn cancelling_asks_the_gateway_unless_money_is_known_not_to_be_held() {
        assert_eq!(to_cancel(None), GatewayCall::Refund);
        assert_eq!(to_cancel(Some(PaymentStatus::Pending)), GatewayCall::Refund);
        assert_eq!(to_cancel(Some(PaymentStatus::Taken)), GatewayCall::Refund);
        assert_eq!(to_cancel(Some(PaymentStatus::Refunded)), GatewayCall::Nothing);
    }
}
