//! Text messages: worded by [`text`], handed over by [`SmsSender`]. Called by the sms-service.

mod sender;
mod text;
mod twilio;

pub use sender::{Sms, SmsSender};
pub use text::text;
pub use twilio::{Account, TwilioSms};
