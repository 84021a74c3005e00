//! The pure rules of the business: no IO, no SQL, no broker. Everything else depends on this; it depends on nothing of ours.

pub mod catalogue;
mod contact;
mod ids;
pub mod inventory;
mod item;
mod money;
pub mod notification;
mod order;
pub mod payment;
mod priority;
pub mod saga;
mod shipment;
mod status;
pub mod webhook;

pub use contact::{Email, InvalidContact, Phone};
pub use ids::{Carrier, CustomerId, InvalidText, OrderId, Sku, TrackingNumber, caused_by, stable_uuid};
pub use item::{Item, MAX_QUANTITY};
pub use money::{Money, MoneyError};
pub use order::{MAX_ITEMS, Order};
pub use priority::{Priority, UnknownPriority};
pub use shipment::Shipment;
pub use status::{OrderStatus, UnknownStatus};
