//! The email-service: confirmations, failures, refunds and cancellations, by SMTP or into a folder.

use uuid::Uuid;

use super::notifier::{Transport, failure};
use crate::contract::notification::Notification;
use crate::domain::notification::Channel;
use crate::messaging::{Failure, Source};
use crate::ports::mail::{Mailer, Templates};
use crate::ports::outbound::Sent;
use crate::topology::WorkQueue;
use crate::tracking::Links;

pub struct EmailTransport {
    pub mailer: Mailer,
    pub templates: Templates,
    pub links: Links,
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
        let link = self.links.absolute(notification.order_id).await;
        let link = link.map_err(|error| Failure::Transient(format!("the tracking link cannot be made: {error}")))?;
        let mail = self
            .templates
            .mail(message_id, notification, link.as_deref())
            .map_err(|error| Failure::Transient(format!("the template cannot be rendered: {error}")))?
            .ok_or_else(|| Failure::Refused(format!("there is no mail about {}", notification.kind.as_str())))?;
        self.mailer.send(&mail).await.map_err(failure)
    }
}
