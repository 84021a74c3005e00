//! Those who wait for results that the gateway tells later: kept while the payment is pending, answered when it has ended.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::note::as_it_stands;
use crate::domain::OrderId;
use crate::domain::payment::PaymentStatus;
use crate::messaging::{Incoming, Outcome, later_reply};
use crate::store::payment_book::{self, Requester};
use crate::store::payments::{Payment, Remembered};

/// Those who wait for results that the gateway tells later.
#[derive(Default)]
pub struct Waiting {
    begun: Vec<Requester>,
    /// Payments that are no longer pending, and the place of the delivery that ended it.
    ended: Vec<(OrderId, usize)>,
}

impl Waiting {
    pub fn see(&mut self, place: usize, incoming: &Incoming, before: Option<&Remembered>, now: &Payment) {
        let order_id = now.order_id;
        match now.status {
            PaymentStatus::Pending => self.begun.extend(incoming.reply_to().map(|reply_to| Requester {
                order_id,
                request_id: incoming.message_id,
                reply_to: reply_to.to_owned(),
                correlation_id: incoming.correlation_id().map(str::to_owned),
            })),
            PaymentStatus::Taken | PaymentStatus::Declined | PaymentStatus::Cancelled | PaymentStatus::Refunded => {
                if before.is_some_and(|before| before.status == PaymentStatus::Pending) {
                    self.ended.push((order_id, place));
                }
            }
        }
    }

    /// Keeps who begins to wait, and answers those whose payment has ended by another request than theirs.
    pub async fn close(
        self,
        db: &mut PgConnection,
        book: &HashMap<OrderId, Remembered>,
        outcomes: &mut [Outcome],
    ) -> Result<(), sqlx::Error> {
        payment_book::put_aside(db, &self.begun).await?;
        let ended: Vec<OrderId> = self.ended.iter().map(|(order_id, _)| *order_id).collect();
        for requester in payment_book::take_requesters(db, &ended).await? {
            let place =
                self.ended.iter().find(|(order_id, _)| *order_id == requester.order_id).map(|(_, place)| *place);
            let Some(Outcome::Done(messages)) = place.and_then(|place| outcomes.get_mut(place)) else { continue };
            let known = book.get(&requester.order_id);
            let Some(answer) = known.and_then(|known| as_it_stands(requester.order_id, known)) else { continue };
            let Requester { request_id, reply_to, correlation_id, .. } = &requester;
            let reply = later_reply(*request_id, reply_to, correlation_id.as_deref(), answer.kind(), &answer);
            messages.push(reply.map_err(|error| sqlx::Error::Encode(error.into()))?);
        }
        Ok(())
    }
}
