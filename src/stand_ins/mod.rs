//! Servers that stand in for the outside world: SMTP, Twilio's API, FCM, a payment gateway, an identity provider, a partner's web
//! server, and the network between. For tests, the demonstration and chaos
//! runs; no role of the fleet uses them.
//!
//! Each listens on a port of 127.0.0.1, keeps what it was handed, can be told to misbehave, and ends when dropped. They belong to
//! a test run, so what cannot happen there is a panic.

mod fcm;
mod gateway;
mod http;
mod identity;
mod keys;
mod partner;
mod proxy;
mod smtp;
mod twilio;

pub use fcm::FcmServer;
pub use gateway::{GatewayManners, GatewayServer, Holding};
pub use http::Misbehaviour;
pub use identity::{IdentityProvider, KeyKind};
pub use keys::Authority;
pub use partner::{Call, PartnerServer};
pub use proxy::{Proxy, Weather};
pub use smtp::{ReceivedMail, SmtpManners, SmtpServer};
pub use twilio::{Text, TwilioServer};
