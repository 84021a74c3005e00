//! The email-service: confirmations, failures, refunds and cancellations, by SMTP or into a folder.

use uuid::Uuid;

use super::notifier::{Transport, failure};
use crate::contract::notification::Notification;
use crate::domain::notification::Channel;
use crate::messaging::{Failure, Source};
use crate::ports::mail::{Mailer, Templates};
use crate::ports::outbound::Sent;
use crate::topology::WorkQueue;

pub struct EmailTransport {
    pub mailer: Mailer,
    pub templates: Templates,
}

impl Transport for EmailTransport {
    const ROLE: &'static str = "email-service";
    const SOURCE: Source = Source::Work(WorkQueue::EmailNotifications);
    const CHANNEL: Channel = Channel::Email;
    const DEPENDENCY: &'static str = "mail server";

    fn recipient(notification: &Notification) -> Option<String> {
        Some(notification.email.masked())
    }

    async fn send(&self, message_id: Uuid, notification: &Notification) -> Result<Sent, Failure> {
        let mail = self
            .templates
            .mail(message_id, notification)
            .map_err(|error| Failure::Transient(format!("the template cannot be rendered: {error}")))?
            .ok_or_else(|| Failure::Refused(format!("there is no mail about {}", notification.kind.as_str())))?;
        self.mailer.send(&mail).await.map_err(failure)
    }
}
