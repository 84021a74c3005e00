//! Servers that stand in for the outside world: SMTP, Twilio's API, FCM. Used by the tests of the ports and by the journeys.
//!
//! Each listens on a free port of 127.0.0.1, keeps what it was handed, can be told to misbehave, and ends when dropped.

pub mod fcm;
pub mod http;
pub mod keys;
pub mod smtp;
pub mod twilio;

pub use fcm::FcmServer;
pub use http::Misbehaviour;
pub use keys::Authority;
pub use smtp::{SmtpManners, SmtpServer};
pub use twilio::TwilioServer;
