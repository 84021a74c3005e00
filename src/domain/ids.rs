//! Identifiers as types, so that a customer can never be passed where a product is wanted.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Identifies one order, chosen by whoever submits it: UUID version 7 when the API mints it, any UUID from other AMQP clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderId(pub Uuid);

/// Namespace of every name-based UUID that the fleet derives (chosen at random, fixed for ever: ids must survive restarts).
const FLEET_NAMESPACE: Uuid = Uuid::from_u128(0x7b1f_6f0c_94a1_4c55_9e5e_3d6a_2f80_41d7);

impl OrderId {
    /// A fresh id whose order in the index follows time (RFC 9562, version 7).
    pub fn mint() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id of the message that this order causes at `step`: the same in every run, so a repeated step repeats its message.
    pub fn message_id(self, step: &str) -> Uuid {
        caused_by(self.0, step)
    }
}

/// The id of what `cause` causes under that name, stable, and beside its cause in every index: it begins with the cause's first 48 bits,
/// which are the time in version 7; the rest is a hash (RFC 9562, version 8).
pub fn caused_by(cause: Uuid, name: &str) -> Uuid {
    let mut bytes = Uuid::new_v5(&cause, name.as_bytes()).into_bytes();
    bytes[..6].copy_from_slice(&cause.as_bytes()[..6]);
    Uuid::new_v8(bytes)
}

/// Derives a stable UUID from bytes that carry no id of their own (RFC 9562, version 5).
pub fn stable_uuid(bytes: &[u8]) -> Uuid {
    Uuid::new_v5(&FLEET_NAMESPACE, bytes)
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that breaks the rule of its type; the message says which rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    #[error("must not be empty")]
    Empty,
    #[error("must be at most {max} characters, has {found}")]
    TooLong { max: usize, found: usize },
    #[error("must consist of {allowed}")]
    Characters { allowed: &'static str },
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, max $max:literal, $allowed:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Longest accepted text in characters; the database columns have the same bound.
            pub const MAX: usize = $max;

            /// # Errors
            /// [`InvalidText`] names the first rule that the text breaks.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidText> {
                let text = text.into();
                let found = text.chars().count();
                if found == 0 {
                    return Err(InvalidText::Empty);
                }
                if found > Self::MAX {
                    return Err(InvalidText::TooLong { max: Self::MAX, found });
                }
                let valid: fn(char) -> bool = $valid;
                if !text.chars().all(valid) {
                    return Err(InvalidText::Characters { allowed: $allowed });
                }
                Ok(Self(text))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidText;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// The shop's own name for a customer.
    CustomerId, max 64, "printable characters without spaces", |c| !c.is_control() && !c.is_whitespace()
);
text_id!(
    /// Stock keeping unit: the shop's name for a product.
    Sku, max 64, "letters, digits, '-', '_', '.' and '/'",
    |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/')
);
text_id!(
    /// Who carries a parcel to the customer.
    Carrier, max 64, "printable characters", |c| !c.is_control()
);
text_id!(
    /// The carrier's name for one parcel.
    TrackingNumber, max 64, "visible ASCII characters without spaces", |c| c.is_ascii_graphic()
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_step_of_the_same_order_always_has_the_same_message_id() {
        let order = OrderId::mint();
        assert_eq!(order.message_id("reserve"), order.message_id("reserve"));
        assert_ne!(order.message_id("reserve"), order.message_id("release"));
        assert_ne!(order.message_id("reserve"), OrderId::mint().message_id("reserve"));
    }

    #[test]
    fn what_an_order_causes_stands_beside_it_in_an_index() {
        let (earlier, later) = (OrderId(Uuid::from_u128(1 << 80)), OrderId(Uuid::from_u128(2 << 80)));
        assert!(earlier.message_id("z") < later.message_id("a"));
        assert_eq!(earlier.message_id("a").get_version_num(), 8);
    }

    #[test]
    fn a_sku_says_which_rule_it_breaks() {
        assert_eq!(Sku::parse(""), Err(InvalidText::Empty));
        assert_eq!(Sku::parse("x".repeat(65)), Err(InvalidText::TooLong { max: 64, found: 65 }));
        assert!(matches!(Sku::parse("a b"), Err(InvalidText::Characters { .. })));
        assert!(Sku::parse("GADGET-02/red").is_ok());
    }
}
