//! The catalogue's word on an order: does the product exist, is it sold, and at the price the customer was shown.

use std::collections::HashMap;

use super::{Item, Money, Order, Sku};

/// What the catalogue knows of one product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    pub price: Money,
    /// Inactive products stay for old orders but are not sold.
    pub active: bool,
}

pub type Catalogue = HashMap<Sku, Listing>;

/// One line as the customer asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    pub sku: Sku,
    pub quantity: u32,
    /// The price the customer saw; absent means "at today's price".
    pub price: Option<Money>,
    /// The price the customer agreed to: another one of today means that it has changed, not that the order is wrong.
    pub expected_price: Option<Money>,
}

/// Why the catalogue refuses a line or the whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no product has the sku {sku}")]
    UnknownSku { item: usize, sku: Sku },
    #[error("the product {sku} is not sold any more")]
    Inactive { item: usize, sku: Sku },
    #[error("the price of {sku} is {actual}, not {given}")]
    PriceDiffers { item: usize, sku: Sku, actual: Money, given: Money },
    #[error("the price of {sku} is {actual} now, and {expected} was expected")]
    PriceChanged { item: usize, sku: Sku, actual: Money, expected: Money },
    #[error("the order costs {actual} now, and {expected} was expected")]
    ExpectedTotalDiffers { actual: Money, expected: Money },
    #[error("the total is {actual}, not {given}")]
    TotalDiffers { actual: Money, given: Money },
    #[error("the total is too large")]
    TotalTooLarge,
}

impl Refusal {
    /// Whether nothing but an expectation of the price is hurt.
    pub fn is_of_the_price(&self) -> bool {
        match self {
            Self::PriceChanged { .. } | Self::ExpectedTotalDiffers { .. } => true,
            Self::UnknownSku { .. }
            | Self::Inactive { .. }
            | Self::PriceDiffers { .. }
            | Self::TotalDiffers { .. }
            | Self::TotalTooLarge => false,
        }
    }
}

/// Prices the wishes. `total` and `expected_price` are what the client takes for the sum.
///
/// # Errors
/// Every refusal, not only the first.
pub fn price(
    catalogue: &Catalogue,
    wishes: &[Wish],
    total: Option<Money>,
    expected_price: Option<Money>,
) -> Result<(Vec<Item>, Money), Vec<Refusal>> {
    let mut refusals = Vec::new();
    let mut items = Vec::with_capacity(wishes.len());
    for (item, wish) in wishes.iter().enumerate() {
        let sku = wish.sku.clone();
        match catalogue.get(&sku) {
            None => refusals.push(Refusal::UnknownSku { item, sku }),
            Some(listing) if !listing.active => refusals.push(Refusal::Inactive { item, sku }),
            Some(&Listing { price: actual, .. }) => {
                if let Some(given) = wish.price.filter(|given| *given != actual) {
                    refusals.push(Refusal::PriceDiffers { item, sku: sku.clone(), actual, given });
                }
                if let Some(expected) = wish.expected_price.filter(|expected| *expected != actual) {
                    refusals.push(Refusal::PriceChanged { item, sku: sku.clone(), actual, expected });
                }
                items.push(Item { sku, quantity: wish.quantity, price: actual });
            }
        }
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let sum = Order::sum_of(&items).map_err(|_| vec![Refusal::TotalTooLarge])?;
    refusals.extend(total.filter(|given| *given != sum).map(|given| Refusal::TotalDiffers { actual: sum, given }));
    let expected = expected_price.filter(|expected| *expected != sum);
    refusals.extend(expected.map(|expected| Refusal::ExpectedTotalDiffers { actual: sum, expected }));
    if refusals.is_empty() { Ok((items, sum)) } else { Err(refusals) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().expect(text)
    }

    fn wish(sku: &str, price: Option<&str>) -> Wish {
        Wish { sku: Sku::parse(sku).expect(sku), quantity: 2, price: price.map(money), expected_price: None }
    }

    fn catalogue() -> Catalogue {
        [("A", "9.99", true), ("OLD", "1.00", false)]
            .into_iter()
            .map(|(sku, price, active)| (Sku::parse(sku).expect(sku), Listing { price: money(price), active }))
            .collect()
    }

    #[test]
    fn a_wish_without_a_price_gets_todays() {
        let (items, total) = price(&catalogue(), &[wish("A", None)], Some(money("19.98")), None).expect("priced");
        assert_eq!(items[0].price, money("9.99"));
        assert_eq!(total, money("19.98"));
    }

    #[test]
    fn every_line_at_fault_is_named() {
        let wishes = [wish("A", Some("9.98")), wish("NONE", None), wish("OLD", None)];
        let refusals = price(&catalogue(), &wishes, None, None).expect_err("refused");
        assert!(matches!(
            refusals.as_slice(),
            [
                Refusal::PriceDiffers { item: 0, .. },
                Refusal::UnknownSku { item: 1, .. },
                Refusal::Inactive { item: 2, .. }
            ]
        ));
    }

    #[test]
    fn a_total_that_is_not_the_sum_is_refused() {
        let refused = price(&catalogue(), &[wish("A", None)], Some(money("19.97")), None);
        assert_eq!(refused, Err(vec![Refusal::TotalDiffers { actual: money("19.98"), given: money("19.97") }]));
    }

    #[test]
    fn a_price_that_is_not_the_expected_one_is_told_apart_from_a_mistake() {
        let wishes = [Wish { expected_price: Some(money("9.50")), ..wish("A", None) }];
        let refusals = price(&catalogue(), &wishes, None, None).expect_err("refused");
        assert!(refusals.iter().all(Refusal::is_of_the_price));
        assert_eq!(refusals[0].to_string(), "the price of A is 9.99 now, and 9.50 was expected");
        let refusals = price(&catalogue(), &[wish("A", None)], None, Some(money("19.00"))).expect_err("refused");
        assert_eq!(refusals, [Refusal::ExpectedTotalDiffers { actual: money("19.98"), expected: money("19.00") }]);
        assert!(price(&catalogue(), &[wish("A", None)], None, Some(money("19.98"))).is_ok());
        let mixed = [Wish { expected_price: Some(money("9.50")), ..wish("A", Some("9.00")) }];
        assert!(!price(&catalogue(), &mixed, None, None).expect_err("refused").iter().all(Refusal::is_of_the_price));
    }
}
