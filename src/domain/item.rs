//! One line of an order.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Money, MoneyError, Sku};

/// Most units of one product in one order: above it a typing error is likelier than a wish.
pub const MAX_QUANTITY: u32 = 10_000;

/// So many units of one product, at the price the customer was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Item {
    pub sku: Sku,
    /// Units, from 1 to [`MAX_QUANTITY`].
    #[schema(minimum = 1, maximum = 10_000)]
    pub quantity: u32,
    /// Price of one unit when the order was placed; later price changes do not touch it.
    pub price: Money,
}

impl Item {
    /// # Errors
    /// [`MoneyError::TooLarge`] when the line leaves the range of [`Money`].
    pub fn total(&self) -> Result<Money, MoneyError> {
        self.price.times(self.quantity)
    }
}
