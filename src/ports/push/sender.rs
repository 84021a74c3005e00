//! The push port: one message in, taken over by FCM or written to the folder. Called by the push-service.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use uuid::Uuid;

use super::fcm::FcmPush;
use crate::ports::folder::Folder;
use crate::ports::outbound::{SendError, Sent, SetupError};

/// A message to all devices of one customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Push {
    /// The id of the AMQP message that caused it; a device shows two messages of one id as one.
    pub message_id: Uuid,
    /// The customer's devices subscribe to it.
    pub topic: String,
    pub title: String,
    pub body: String,
    /// For the app, not shown.
    pub data: BTreeMap<&'static str, String>,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a process has one, made at its start")]
pub enum PushSender {
    Fcm(FcmPush),
    Folder(Folder),
}

impl PushSender {
    /// # Errors
    /// [`SetupError::File`] when the folder cannot be created.
    pub fn folder(path: &Path) -> Result<Self, SetupError> {
        Folder::open("--push-folder", path, "json").map(Self::Folder)
    }

    /// # Errors
    /// [`SendError`].
    pub async fn send(&self, push: &Push) -> Result<Sent, SendError> {
        match self {
            Self::Fcm(provider) => Box::pin(provider.send(push)).await,
            Self::Folder(folder) => {
                let content = serde_json::to_vec_pretty(push)
                    .map_err(|error| SendError::Refused { reason: format!("cannot be written as JSON: {error}") })?;
                folder.write(push.message_id, &content)
            }
        }
    }
}
