//! What customers are told, and through which channel.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The `type` of a notification on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NotificationKind)]
pub enum Kind {
    OrderConfirmation,
    OrderFailed,
    OrderRefunded,
    OrderShipped,
    OrderDelivered,
    OrderCancelled,
}

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::OrderConfirmation,
        Self::OrderFailed,
        Self::OrderRefunded,
        Self::OrderShipped,
        Self::OrderDelivered,
        Self::OrderCancelled,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrderConfirmation => "order_confirmation",
            Self::OrderFailed => "order_failed",
            Self::OrderRefunded => "order_refunded",
            Self::OrderShipped => "order_shipped",
            Self::OrderDelivered => "order_delivered",
            Self::OrderCancelled => "order_cancelled",
        }
    }
}

/// A way to reach the customer; each is one service with one queue on the fanout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Email,
    Sms,
    Push,
}

impl Channel {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Push => "push",
        }
    }

    /// Whether this channel carries that kind: e-mail what one wants to keep, SMS what one waits for at the door, push all.
    pub fn carries(self, kind: Kind) -> bool {
        match self {
            Self::Push => true,
            Self::Email => match kind {
                Kind::OrderConfirmation | Kind::OrderFailed | Kind::OrderRefunded | Kind::OrderCancelled => true,
                Kind::OrderShipped | Kind::OrderDelivered => false,
            },
            Self::Sms => match kind {
                Kind::OrderShipped | Kind::OrderDelivered => true,
                Kind::OrderConfirmation | Kind::OrderFailed | Kind::OrderRefunded | Kind::OrderCancelled => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reaches_the_customer_by_push_and_by_one_of_the_others() {
        for kind in Kind::ALL {
            assert!(Channel::Push.carries(kind));
            assert_ne!(Channel::Email.carries(kind), Channel::Sms.carries(kind), "{kind:?}");
            assert_eq!(serde_json::to_value(kind).expect("encodes"), kind.as_str());
        }
    }
}
