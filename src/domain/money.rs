//! Exact money: a decimal amount of the shop's one currency with two places, as `numeric(12,2)` holds it.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A non-negative amount with at most two decimal places, at most 9,999,999,999.99.
///
/// On the wire it is a JSON number, and a JSON string is read too. A number passes through `f64` inside the JSON parser:
/// every decimal of up to 15 significant digits survives that trip unchanged (IEEE 754 binary64), and an amount has at most 12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Money(Decimal);

/// Why an amount is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("is not a decimal amount")]
    NotANumber,
    #[error("must not be negative")]
    Negative,
    #[error("must have at most two decimal places")]
    TooPrecise,
    #[error("must be at most {}", Money::MAX)]
    TooLarge,
}

impl Money {
    pub const ZERO: Self = Self(Decimal::ZERO);
    /// The largest value of `numeric(12,2)`.
    pub const MAX: Self = Self(Decimal::from_parts(3_567_587_327, 232, 0, false, 2));

    /// # Errors
    /// [`MoneyError`] names the rule that the amount breaks.
    pub fn new(amount: Decimal) -> Result<Self, MoneyError> {
        let amount = amount.normalize();
        if amount.is_sign_negative() && !amount.is_zero() {
            return Err(MoneyError::Negative);
        }
        if amount.scale() > 2 {
            return Err(MoneyError::TooPrecise);
        }
        if amount > Self::MAX.0 {
            return Err(MoneyError::TooLarge);
        }
        Ok(Self(amount))
    }

    pub fn amount(self) -> Decimal {
        self.0
    }

    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// # Errors
    /// [`MoneyError::TooLarge`] when the sum leaves the range.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_add(other.0).map_or(Err(MoneyError::TooLarge), Self::new)
    }

    /// # Errors
    /// [`MoneyError::TooLarge`] when the product leaves the range.
    pub fn times(self, quantity: u32) -> Result<Self, MoneyError> {
        self.0.checked_mul(Decimal::from(quantity)).map_or(Err(MoneyError::TooLarge), Self::new)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let amount = Decimal::from_str_exact(text)
            .or_else(|_| Decimal::from_scientific(text))
            .map_err(|_| MoneyError::NotANumber)?;
        Self::new(amount)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.to_f64().unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Amount;
        impl de::Visitor<'_> for Amount {
            type Value = Money;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount of money as a number or a string")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Money, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Money, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Money, E> {
                Money::new(Decimal::from(number)).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Money, E> {
                Money::new(Decimal::from(number)).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Amount)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(text: &str) -> Money {
        text.parse().expect(text)
    }

    #[test]
    fn three_decimal_places_negatives_and_huge_amounts_are_refused_by_name() {
        assert_eq!("1.999".parse::<Money>(), Err(MoneyError::TooPrecise));
        assert_eq!("-0.01".parse::<Money>(), Err(MoneyError::Negative));
        assert_eq!("10000000000".parse::<Money>(), Err(MoneyError::TooLarge));
        assert_eq!("ten".parse::<Money>(), Err(MoneyError::NotANumber));
        assert_eq!(Money::MAX.to_string(), "9999999999.99");
        assert_eq!(Money::MAX.plus(money("0.01")), Err(MoneyError::TooLarge));
    }

    #[test]
    fn ten_cents_and_twenty_cents_are_exactly_thirty() {
        assert_eq!(money("0.1").plus(money("0.2")), Ok(money("0.30")));
        assert_eq!(money("19.99").times(3), Ok(money("59.97")));
    }

    proptest! {
        #[test]
        fn every_amount_survives_json_as_number_and_as_string(cents in 0_i64..=999_999_999_999) {
            let amount = Money::new(Decimal::new(cents, 2)).expect("in range");
            let number = serde_json::to_string(&amount).expect("encodes");
            prop_assert_eq!(serde_json::from_str::<Money>(&number).expect("decodes"), amount);
            let text = format!("\"{amount}\"");
            prop_assert_eq!(serde_json::from_str::<Money>(&text).expect("decodes"), amount);
        }

        #[test]
        fn a_product_is_the_repeated_sum(cents in 0_i64..1_000_000, quantity in 0_u32..50) {
            let price = Money::new(Decimal::new(cents, 2)).expect("in range");
            let sum = (0..quantity).try_fold(Money::ZERO, |sum, _| sum.plus(price));
            prop_assert_eq!(price.times(quantity), sum);
        }
    }
}
