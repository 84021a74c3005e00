//! Requests to and answers of the inventory-service (`inventory_requests`, AMQP request/reply).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::OrderId;
use crate::domain::inventory::Line;

/// A request; the body says itself what it is, so any AMQP client can send one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type")]
pub enum InventoryRequest {
    #[serde(rename = "stock.reserve")]
    Reserve { order_id: OrderId, items: Vec<Line> },
    #[serde(rename = "stock.release")]
    Release { order_id: OrderId },
    #[serde(rename = "stock.commit")]
    Commit { order_id: OrderId },
    /// Gives the goods of a confirmed order back, whether or not their sale has been booked already.
    #[serde(rename = "stock.return")]
    Return { order_id: OrderId },
}

impl InventoryRequest {
    pub fn order_id(&self) -> OrderId {
        match self {
            Self::Reserve { order_id, .. }
            | Self::Release { order_id }
            | Self::Commit { order_id }
            | Self::Return { order_id } => *order_id,
        }
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::Reserve { .. } => "stock.reserve",
            Self::Release { .. } => "stock.release",
            Self::Commit { .. } => "stock.commit",
            Self::Return { .. } => "stock.return",
        }
    }
}

/// The answer, sent to the request's `reply_to` with its `correlation_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type")]
pub enum InventoryReply {
    #[serde(rename = "stock.reserved")]
    Reserved { order_id: OrderId },
    /// All or nothing: these products fall short, are unknown, or the order was released before.
    #[serde(rename = "stock.rejected")]
    Rejected { order_id: OrderId, shortages: Vec<String> },
    #[serde(rename = "stock.released")]
    Released { order_id: OrderId },
    #[serde(rename = "stock.committed")]
    Committed { order_id: OrderId },
    #[serde(rename = "stock.returned")]
    Returned { order_id: OrderId },
}

impl InventoryReply {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Reserved { .. } => "stock.reserved",
            Self::Rejected { .. } => "stock.rejected",
            Self::Released { .. } => "stock.released",
            Self::Committed { .. } => "stock.committed",
            Self::Returned { .. } => "stock.returned",
        }
    }
}

/// Event `stock.low` on `events`: a product has fallen to its threshold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockLow {
    pub sku: String,
    /// Units that can still be promised.
    pub available: i64,
    /// The product's own warning level in units.
    pub threshold: i64,
}
