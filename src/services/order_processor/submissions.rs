//! Consumes `order_processing` and `order_processing_high`: orders of the API, and orders that any other AMQP client publishes.

use std::collections::{BTreeSet, HashMap};

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::contract::order::{OrderForm, Source as From, read_object, read_order};
use crate::domain::catalogue::Catalogue;
use crate::domain::saga::Input;
use crate::domain::{Order, OrderId, Sku};
use crate::lifecycle::{Arrived, SagaArgs, advance};
use crate::messaging::{Delivery, Failure, Handler, Incoming, Outcome, Source};
use crate::store::orders::{self, NewOrder};
use crate::store::sagas::{self, Progress};
use crate::store::{products, storable};
use crate::topology::WorkQueue;

/// One of two lanes: orders with high priority have a queue and a consumer of their own, so that they wait behind nobody else's.
pub struct Submissions<const HIGH: bool> {
    pub args: SagaArgs,
}

/// Who placed an order that came straight over AMQP: the broker has let it in, and does not say who it was.
const STRANGER: &str = "service:amqp";

/// An order as it arrived; its id is there.
pub struct Submission {
    id: OrderId,
    form: OrderForm,
}

impl<const HIGH: bool> Handler for Submissions<HIGH> {
    type Message = Submission;
    type Context = ();
    type Fetched = ();

    const ROLE: &'static str = if HIGH { "order-processor-high" } else { "order-processor" };
    const SOURCE: Source = Source::Work(if HIGH { WorkQueue::OrderProcessingHigh } else { WorkQueue::OrderProcessing });

    fn decode(&self, incoming: &Incoming) -> Result<Submission, Failure> {
        let bad = |error: &dyn std::fmt::Display| Failure::BadMessage(error.to_string());
        let object = read_object(&incoming.body).map_err(|error| bad(&error))?;
        let form = read_order(&object, From::Amqp).map_err(|error| bad(&error))?;
        let id = form.id.ok_or_else(|| bad(&"/id: is required"))?;
        Ok(Submission { id, form })
    }

    async fn call_outside(&self, _: &Incoming, _: &Submission, (): ()) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, db: &mut PgConnection, batch: &[&Delivery<Self>]) -> Result<Vec<Outcome>, sqlx::Error> {
        let ids: BTreeSet<OrderId> = batch.iter().map(|delivery| delivery.message.id).collect();
        let mut orders = sagas::lock(db, &ids.into_iter().collect::<Vec<_>>()).await?;
        let mut refused = take_in_strangers(db, batch, &mut orders).await?;
        let arrived: Vec<Arrived> = batch
            .iter()
            .enumerate()
            .filter(|(index, _)| !refused.contains_key(index))
            .map(|(_, delivery)| Arrived {
                order_id: delivery.message.id,
                input: Input::Submitted,
                message_id: delivery.incoming.message_id,
            })
            .collect();
        let mut advanced = advance(db, &self.args, orders, &arrived).await?.into_iter();
        Ok((0..batch.len())
            .filter_map(|index| match refused.remove(&index) {
                Some(failure) => Some(Outcome::Failed(failure)),
                None => advanced.next(),
            })
            .collect())
    }
}

/// Stores the orders that have no row yet: another AMQP client published them. The catalogue has not seen them, so it is asked
/// here; what it refuses comes back by the delivery's index.
async fn take_in_strangers<const HIGH: bool>(
    db: &mut PgConnection,
    batch: &[&Delivery<Submissions<HIGH>>],
    known: &mut HashMap<OrderId, Progress>,
) -> Result<HashMap<usize, Failure>, sqlx::Error> {
    let strangers: Vec<(usize, &Submission, &Incoming)> = batch
        .iter()
        .enumerate()
        .filter(|(_, delivery)| !known.contains_key(&delivery.message.id))
        .map(|(index, delivery)| (index, &delivery.message, &delivery.incoming))
        .collect();
    if strangers.is_empty() {
        return Ok(HashMap::new());
    }
    let skus: BTreeSet<&Sku> =
        strangers.iter().flat_map(|(_, s, _)| s.form.wishes.iter().map(|wish| &wish.sku)).collect();
    let catalogue = products::catalogue(db, &skus.into_iter().collect::<Vec<_>>()).await?;
    let mut refused = HashMap::new();
    let mut accepted: Vec<(Order, String, Uuid)> = Vec::new();
    for (index, submission, incoming) in strangers {
        let correlation_id = incoming.correlation_id().map_or_else(|| incoming.message_id.to_string(), storable);
        match order(submission, &catalogue) {
            Ok(order) => accepted.push((order, correlation_id, incoming.message_id)),
            Err(failure) => drop(refused.insert(index, failure)),
        }
    }
    let new: Vec<NewOrder<'_>> = accepted
        .iter()
        .map(|(order, correlation_id, message_id)| NewOrder {
            order,
            correlation_id,
            actor: STRANGER,
            message_id: *message_id,
            answer: None,
            message: None,
        })
        .collect();
    let stored: Vec<OrderId> = orders::store_all(db, &new).await?.into_iter().collect();
    known.extend(sagas::lock(db, &stored).await?);
    Ok(refused)
}

fn order(submission: &Submission, catalogue: &Catalogue) -> Result<Order, Failure> {
    let form = &submission.form;
    let text = |faults: Vec<String>| faults.join("; ");
    if !form.unknown.is_empty() {
        return Err(Failure::BadMessage(text(form.unknown.iter().map(ToString::to_string).collect())));
    }
    form.priced(submission.id, catalogue, OffsetDateTime::now_utc())
        .map_err(|refused| Failure::Refused(text(refused.faults().iter().map(ToString::to_string).collect())))
}
