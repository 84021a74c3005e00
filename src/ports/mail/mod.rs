//! E-mail: rendered by [`Templates`], handed over by [`Mailer`]. Called by the email-service.

mod mailer;
mod message;
mod server;
mod smtp;
mod templates;

pub use mailer::{Mail, Mailer};
pub use server::Server;
pub use smtp::SmtpMailer;
pub use templates::Templates;
