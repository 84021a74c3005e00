//! The payment gateway: what the payment-service asks of it, the one over HTTP and the simulated one. Called by the payment-service.

mod any;
mod api;
mod draw;
mod http;
mod ledger;
mod results;
mod simulated;

pub use any::Gateway;
pub use api::{Charge, ChargeRequest, GatewayError, PaymentGateway, Refund};
pub use draw::{Behaviour, Rate};
pub use http::HttpGateway;
pub use results::ResultSender;
pub use simulated::{SimulatedGateway, Totals};
