//! Consumes `order_replies`: answers of inventory and payment, and deadlines that have passed.

use std::collections::BTreeSet;

use serde::Deserialize;
use sqlx::PgConnection;

use crate::contract::inventory::InventoryReply;
use crate::contract::payment::PaymentReply;
use crate::contract::saga::SagaMessage;
use crate::domain::OrderId;
use crate::domain::saga::Input;
use crate::lifecycle::{Arrived, SagaArgs, advance};
use crate::messaging::{Delivery, Failure, Handler, Incoming, Outcome, Source};
use crate::store::sagas;
use crate::topology::WorkQueue;

pub struct Replies {
    pub args: SagaArgs,
}

impl Handler for Replies {
    type Message = (OrderId, Input);
    type Context = ();
    type Fetched = ();

    const ROLE: &'static str = "order-processor-replies";
    const SOURCE: Source = Source::Work(WorkQueue::OrderReplies);

    fn decode(&self, incoming: &Incoming) -> Result<(OrderId, Input), Failure> {
        read(&incoming.body).map_err(|error| Failure::BadMessage(format!("the body is no answer to the saga: {error}")))
    }

    async fn call_outside(&self, _: &Incoming, _: &(OrderId, Input), (): ()) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, db: &mut PgConnection, batch: &[&Delivery<Self>]) -> Result<Vec<Outcome>, sqlx::Error> {
        let arrived: Vec<Arrived> = batch
            .iter()
            .map(|delivery| Arrived {
                order_id: delivery.message.0,
                input: delivery.message.1.clone(),
                message_id: delivery.incoming.message_id,
            })
            .collect();
        let ids: BTreeSet<OrderId> = arrived.iter().map(|one| one.order_id).collect();
        let orders = sagas::lock(db, &ids.into_iter().collect::<Vec<_>>()).await?;
        advance(db, &self.args, orders, &arrived).await
    }
}

/// The family of the message, by the prefix of its `type`.
#[derive(Deserialize)]
struct Tag {
    #[serde(rename = "type")]
    kind: String,
}

fn read(body: &[u8]) -> Result<(OrderId, Input), serde_json::Error> {
    let tag: Tag = serde_json::from_slice(body)?;
    match tag.kind.split_once('.').map(|(family, _)| family) {
        Some("payment") => Ok(match serde_json::from_slice(body)? {
            PaymentReply::Taken { order_id, .. } => (order_id, Input::PaymentTaken),
            PaymentReply::Declined { order_id, code } => (order_id, Input::PaymentDeclined { code }),
            PaymentReply::Cancelled { order_id, refunded } => (order_id, Input::PaymentCancelled { refunded }),
        }),
        Some("saga") => Ok(match serde_json::from_slice(body)? {
            SagaMessage::DeadlinePassed { order_id, step } => (order_id, Input::DeadlinePassed { step }),
        }),
        Some(_) | None => Ok(match serde_json::from_slice(body)? {
            InventoryReply::Reserved { order_id } => (order_id, Input::StockReserved),
            InventoryReply::Rejected { order_id, shortages } => (order_id, Input::StockRejected { shortages }),
            InventoryReply::Released { order_id } => (order_id, Input::StockReleased),
            InventoryReply::Committed { order_id } => (order_id, Input::StockCommitted),
            InventoryReply::Returned { order_id } => (order_id, Input::StockReturned),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::inventory::InventoryReply::Rejected;

    #[test]
    fn every_family_of_answers_is_read() {
        let order_id = OrderId::mint();
        let body = serde_json::to_vec(&Rejected { order_id, shortages: vec!["A".into()] }).expect("encodes");
        assert_eq!(read(&body).expect("reads"), (order_id, Input::StockRejected { shortages: vec!["A".into()] }));
        let body = format!(r#"{{"type":"payment.cancelled","order_id":"{order_id}","refunded":true}}"#);
        assert_eq!(read(body.as_bytes()).expect("reads"), (order_id, Input::PaymentCancelled { refunded: true }));
        let body = format!(r#"{{"type":"saga.deadline_passed","order_id":"{order_id}","step":"taking_payment"}}"#);
        assert!(matches!(read(body.as_bytes()), Ok((_, Input::DeadlinePassed { .. }))));
        assert!(read(br#"{"type":"weather.sunny"}"#).is_err());
        assert!(read(b"[]").is_err());
    }
}
