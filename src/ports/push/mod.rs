//! Push messages: worded by [`Push::about`], handed over by [`PushSender`]. Called by the push-service.

mod credentials;
mod fcm;
mod sender;
mod text;
mod token;

pub use credentials::ServiceAccount;
pub use fcm::FcmPush;
pub use sender::{Push, PushSender};
