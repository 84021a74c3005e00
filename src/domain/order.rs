//! An order as it travels and as it is stored.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{CustomerId, Email, Item, Money, MoneyError, OrderId, OrderStatus, Phone, Priority, Shipment};

/// Most lines of one order; one order must not be able to fill a batch.
pub const MAX_ITEMS: usize = 100;

/// The order's JSON on `orders`/`process` and on `events`: fields may be added, none renamed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({
    "id": "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90", "customer_id": "c-17", "email": "ada@shop.example", "phone": "+4930123456",
    "items": [{"sku": "GADGET-01", "quantity": 2, "price": 19.99}], "total": 39.98, "status": "pending",
    "created_at": "2026-11-21T01:52:27.759395Z"
})))]
pub struct Order {
    pub id: OrderId,
    pub customer_id: CustomerId,
    pub email: Email,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    pub items: Vec<Item>,
    pub total: Money,
    pub status: OrderStatus,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(default, skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
    /// When money and stock had been taken; stays when the order is cancelled afterwards.
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<OffsetDateTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment: Option<Shipment>,
    #[serde(default, with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<OffsetDateTime>,
    /// Why the order failed or was cancelled, one of the codes of [`super::saga::FailureReason`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the payment gateway charges; absent means the customer's stored method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_token: Option<String>,
    /// The shop's own data: kept and passed on, never read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Order {
    /// The order as anybody may see it: what the customer pays with stays between submission and payment.
    #[must_use]
    pub fn without_payment_token(&self) -> Self {
        Self { payment_token: None, ..self.clone() }
    }

    /// The exact sum of the lines.
    ///
    /// # Errors
    /// [`MoneyError::TooLarge`] when the sum leaves the range of [`Money`].
    pub fn sum_of(items: &[Item]) -> Result<Money, MoneyError> {
        items.iter().try_fold(Money::ZERO, |sum, item| sum.plus(item.total()?))
    }
}
