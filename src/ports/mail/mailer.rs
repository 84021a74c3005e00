//! The mail port: one mail in, taken over by an SMTP server or written to the folder. Called by the email-service.

use std::fmt;
use std::path::Path;

use lettre::message::Mailbox;
use uuid::Uuid;

use super::message;
use super::smtp::SmtpMailer;
use crate::domain::Email;
use crate::ports::folder::Folder;
use crate::ports::outbound::{SendError, Sent, SetupError};

/// A rendered mail to one customer.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The id of the AMQP message that caused it: becomes the `Message-ID`, so mail servers and readers can tell a repeat.
    pub message_id: Uuid,
    pub to: Email,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// Further headers, ASCII names.
    pub headers: Vec<(&'static str, String)>,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("message_id", &self.message_id)
            .field("to", &self.to.masked())
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub enum Mailer {
    Smtp(SmtpMailer),
    Folder { folder: Folder, from: Mailbox },
}

impl Mailer {
    /// # Errors
    /// [`SetupError::File`] when the folder cannot be created.
    pub fn folder(path: &Path, from: Mailbox) -> Result<Self, SetupError> {
        Ok(Self::Folder { folder: Folder::open("--mail-folder", path, "eml")?, from })
    }

    /// Hands one mail over. Sending it again is safe as far as mail allows: the same `Message-ID`, the same file.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(&self, mail: &Mail) -> Result<Sent, SendError> {
        match self {
            // boxed here and in the other ports: a conversation over the network is large, and each message would carry it about
            Self::Smtp(server) => Box::pin(server.send(mail)).await,
            Self::Folder { folder, from } => folder.write(mail.message_id, &message::format(mail, from)?.formatted()),
        }
    }
}
