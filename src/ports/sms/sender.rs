//! The SMS port: one text in, taken over by the provider or written to the folder. Called by the sms-service.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use uuid::Uuid;

use super::twilio::TwilioSms;
use crate::domain::Phone;
use crate::ports::folder::Folder;
use crate::ports::outbound::{SendError, Sent, SetupError};

/// A text to one phone.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Sms {
    /// The id of the AMQP message that caused it; the provider's key against repeats.
    pub message_id: Uuid,
    pub to: Phone,
    pub body: String,
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sms")
            .field("message_id", &self.message_id)
            .field("to", &self.to.masked())
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub enum SmsSender {
    Twilio(TwilioSms),
    Folder(Folder),
}

impl SmsSender {
    /// # Errors
    /// [`SetupError::File`] when the folder cannot be created.
    pub fn folder(path: &Path) -> Result<Self, SetupError> {
        Folder::open("--sms-folder", path, "json").map(Self::Folder)
    }

    /// # Errors
    /// [`SendError`].
    pub async fn send(&self, sms: &Sms) -> Result<Sent, SendError> {
        match self {
            Self::Twilio(provider) => Box::pin(provider.send(sms)).await,
            Self::Folder(folder) => {
                let content = serde_json::to_vec_pretty(sms)
                    .map_err(|error| SendError::Refused { reason: format!("cannot be written as JSON: {error}") })?;
                folder.write(sms.message_id, &content)
            }
        }
    }
}
