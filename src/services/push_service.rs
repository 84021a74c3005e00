//! The push-service: every notification, to the devices that follow the customer's topic.

use uuid::Uuid;

use super::notifier::{Transport, failure};
use crate::contract::notification::Notification;
use crate::domain::notification::Channel;
use crate::messaging::{Failure, Source};
use crate::ports::outbound::Sent;
use crate::ports::push::{Push, PushSender};
use crate::topology::WorkQueue;

pub struct PushTransport {
    pub sender: PushSender,
}

impl Transport for PushTransport {
    const ROLE: &'static str = "push-service";
    const SOURCE: Source = Source::Work(WorkQueue::PushNotifications);
    const CHANNEL: Channel = Channel::Push;
    const DEPENDENCY: &'static str = "push provider";

    fn recipient(notification: &Notification) -> Option<String> {
        notification.customer_id.as_ref().map(|customer| format!("customer {customer}"))
    }

    async fn send(&self, message_id: Uuid, notification: &Notification) -> Result<Sent, Failure> {
        let push = Push::about(message_id, notification)
            .ok_or_else(|| Failure::Refused("the notification does not say whose devices to push to".to_owned()))?;
        self.sender.send(&push).await.map_err(failure)
    }
}
