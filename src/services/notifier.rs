//! What the e-mail, SMS and push services have in common: each consumes its queue on the fanout, sends what concerns it, and logs
//! the delivery in the transaction that marks the message as handled.

use sqlx::PgConnection;

use crate::contract::notification::Notification;
use crate::domain::notification::Channel;
use crate::messaging::{Delivery, Failure, Handler, Incoming, Outcome, Source};
use crate::ports::outbound::{SendError, Sent};
use crate::store::deliveries::{self, Delivered};
use crate::telemetry::metrics;

/// One way to reach customers.
pub trait Transport: Send + Sync + 'static {
    const ROLE: &'static str;
    const SOURCE: Source;
    const CHANNEL: Channel;
    /// Who carries it, as an operator names it.
    const DEPENDENCY: &'static str;

    /// The masked address, or `None` when the customer cannot be reached this way.
    fn recipient(&self, notification: &Notification) -> Option<String>;

    /// Sends under the message's id, which stays the same in every repetition.
    fn send(
        &self,
        message_id: uuid::Uuid,
        notification: &Notification,
    ) -> impl Future<Output = Result<Sent, Failure>> + Send;
}

/// Consumes one channel's queue.
pub struct Notifier<T> {
    pub transport: T,
}

impl<T: Transport> Handler for Notifier<T> {
    type Message = Notification;
    type Context = ();
    type Fetched = Sent;

    const ROLE: &'static str = T::ROLE;
    const SOURCE: Source = T::SOURCE;
    const CALLS_OUTSIDE: bool = true;
    const DEPENDENCY: &'static str = T::DEPENDENCY;

    fn decode(&self, incoming: &Incoming) -> Result<Notification, Failure> {
        serde_json::from_slice(&incoming.body)
            .map_err(|error| Failure::BadMessage(format!("the body is no notification: {error}")))
    }

    fn concerns(&self, notification: &Notification) -> bool {
        T::CHANNEL.carries(notification.kind) && self.transport.recipient(notification).is_some()
    }

    async fn call_outside(&self, incoming: &Incoming, notification: &Notification, (): ()) -> Result<Sent, Failure> {
        self.transport.send(incoming.message_id, notification).await
    }

    async fn apply(&self, db: &mut PgConnection, batch: &[&Delivery<Self>]) -> Result<Vec<Outcome>, sqlx::Error> {
        let delivered: Vec<Delivered> = batch
            .iter()
            .map(|delivery| Delivered {
                message_id: delivery.incoming.message_id,
                kind: delivery.message.kind,
                order_id: delivery.message.order_id,
                recipient: self.transport.recipient(&delivery.message).unwrap_or_default(),
                transport: delivery.fetched.transport,
                reference: delivery.fetched.reference.clone(),
            })
            .collect();
        deliveries::record(db, T::CHANNEL, &delivered).await?;
        for (delivery, sent) in batch.iter().zip(&delivered) {
            let (channel, kind) = (T::CHANNEL.as_str(), sent.kind.as_str());
            metrics().notifications.with_label_values(&[channel, kind]).inc();
            tracing::debug!(
                order_id = %sent.order_id, correlation_id = delivery.incoming.correlation_id(), channel, kind,
                recipient = sent.recipient, reference = sent.reference, "notification sent"
            );
        }
        Ok(batch.iter().map(|_| Outcome::Done(Vec::new())).collect())
    }
}

/// A refused recipient is refused again; anything else may go right next time.
pub fn failure(error: SendError) -> Failure {
    match error {
        SendError::Refused { .. } => Failure::Refused(error.to_string()),
        SendError::Unavailable { .. } => Failure::Transient(error.to_string()),
    }
}
