//! Why an order ends without success: codes for machines, sentences for customers.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum FailureReason {
    OutOfStock {
        shortages: Vec<String>,
    },
    PaymentDeclined {
        decline_code: String,
    },
    InventoryTimeout,
    PaymentTimeout,
    /// Somebody asked for it; who and why is in the order's history.
    Cancelled,
}

impl FailureReason {
    /// The code in the order's JSON, in statistics and in the database.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfStock { .. } => "out_of_stock",
            Self::PaymentDeclined { .. } => "payment_declined",
            Self::InventoryTimeout => "inventory_timeout",
            Self::PaymentTimeout => "payment_timeout",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfStock { shortages } => write!(f, "not enough stock of {}", shortages.join(", ")),
            Self::PaymentDeclined { decline_code } => write!(f, "the payment was declined ({decline_code})"),
            Self::InventoryTimeout => f.write_str("the stock could not be reserved in time"),
            Self::PaymentTimeout => f.write_str("the payment was not answered in time"),
            Self::Cancelled => f.write_str("it was cancelled on request"),
        }
    }
}
