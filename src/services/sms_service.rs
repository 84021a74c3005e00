//! The sms-service: shipping updates, for customers who left a phone number.

use uuid::Uuid;

use super::notifier::{Transport, failure};
use crate::contract::notification::Notification;
use crate::domain::Phone;
use crate::domain::notification::Channel;
use crate::messaging::{Failure, Source};
use crate::ports::outbound::Sent;
use crate::ports::sms::{Sms, SmsSender, text};
use crate::topology::WorkQueue;

pub struct SmsTransport {
    pub sender: SmsSender,
}

impl Transport for SmsTransport {
    const ROLE: &'static str = "sms-service";
    const SOURCE: Source = Source::Work(WorkQueue::SmsNotifications);
    const CHANNEL: Channel = Channel::Sms;
    const DEPENDENCY: &'static str = "SMS provider";

    fn recipient(notification: &Notification) -> Option<String> {
        notification.phone.as_ref().map(Phone::masked)
    }

    async fn send(&self, message_id: Uuid, notification: &Notification) -> Result<Sent, Failure> {
        let to = notification.phone.clone().ok_or_else(|| Failure::Refused("there is no phone number".to_owned()))?;
        self.sender.send(&Sms { message_id, to, body: text(notification) }).await.map_err(failure)
    }
}
