//! The payment gateway: what the payment-service asks of it, and the simulated one. Called by the payment-service.

mod api;
mod draw;
mod ledger;
mod simulated;

pub use api::{Charge, ChargeRequest, GatewayError, PaymentGateway, Refund};
pub use draw::{Behaviour, Rate};
pub use simulated::{SimulatedGateway, Totals};
