//! The use case "accept an order", for many orders in one transaction. Called by the batcher, which owns the transaction.
//!
//! An order, its history, its message and the answer under its key are committed together or not at all. Orders with faults
//! leave no trace and cost their neighbours nothing.

use std::collections::HashSet;

use serde_json::value::RawValue;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::idempotency::IdempotencyKey;
use crate::contract::FieldError;
use crate::contract::order::{OrderForm, Unacceptable};
use crate::domain::catalogue::Catalogue;
use crate::domain::{Order, OrderId, Sku};
use crate::lifecycle::submission;
use crate::store;
use crate::store::idempotency::{NewAnswer, ScopedKey, StoredAnswer};
use crate::store::orders::NewOrder;

/// An order as it was asked for.
#[derive(Clone, Debug)]
pub struct Submission {
    pub form: OrderForm,
    pub correlation_id: String,
    /// Who places it, as in `customer:c-7`.
    pub actor: String,
    pub key: Option<IdempotencyKey>,
}

/// The order is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    pub order_id: OrderId,
    /// The order as JSON text; byte for byte the same for every request with the same key.
    pub body: String,
    /// Whether an earlier request with the same key made the order.
    pub replayed: bool,
}

/// Why no order was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the order has faults")]
    Invalid(Vec<FieldError>),
    #[error("the price is no longer what was expected; show it to the customer and order again")]
    PriceChanged(Vec<FieldError>),
    #[error("the idempotency key was used with another body")]
    KeyReused,
    #[error("a request with this idempotency key is in progress")]
    KeyInFlight,
    /// More waits than can be worked off in time.
    #[error("too many orders are waiting")]
    Overloaded,
    /// The outcome may be unknown: asking again with the same key is safe.
    #[error("the database is not available")]
    Unavailable,
    #[error("the order could not be stored")]
    Internal,
}

pub type Verdict = Result<Acceptance, Refused>;

/// An order that the catalogue agrees to, on its way into the database.
struct Draft {
    /// Its place among the submissions.
    place: usize,
    order: Order,
    /// For the order-processor.
    body: Box<RawValue>,
    /// For the client: what it pays with is nobody's to read again.
    answer: Box<RawValue>,
}

/// Judges every submission and writes what is accepted, in a handful of statements for all of them. The verdicts come in the
/// order of the submissions and count only once the caller has committed.
///
/// # Errors
/// When the database is away or refuses a value; then nothing counts.
pub(super) async fn accept_all(
    conn: &mut PgConnection,
    submissions: &[&Submission],
) -> Result<Vec<Verdict>, sqlx::Error> {
    let mut verdicts = answer_repetitions(conn, submissions).await?;
    let open: Vec<usize> = (0..submissions.len()).filter(|&place| verdicts[place].is_none()).collect();

    let catalogue = look_up(conn, open.iter().map(|&place| submissions[place])).await?;
    let now = OffsetDateTime::now_utc();
    let mut drafts = Vec::with_capacity(open.len());
    for place in open {
        match draft(place, &submissions[place].form, &catalogue, now) {
            Ok(draft) => drafts.push(draft),
            Err(refused) => verdicts[place] = Some(Err(refused)),
        }
    }

    let (drafts, too_late) = claim_keys(conn, submissions, drafts).await?;
    write(conn, submissions, &drafts).await?;
    for Draft { place, order, answer, .. } in drafts {
        let body = String::from(Box::<str>::from(answer));
        verdicts[place] = Some(Ok(Acceptance { order_id: order.id, body, replayed: false }));
    }
    if !too_late.is_empty() {
        let losers: Vec<&Submission> = too_late.iter().map(|&place| submissions[place]).collect();
        let answers = answer_repetitions(conn, &losers).await?;
        for (place, answer) in too_late.into_iter().zip(answers) {
            // without an answer the winner has vanished in between: the client may simply ask again
            verdicts[place] = Some(answer.unwrap_or(Err(Refused::KeyInFlight)));
        }
    }
    Ok(verdicts.into_iter().map(|verdict| verdict.unwrap_or(Err(Refused::Internal))).collect())
}

/// The first answer again, for those whose key is known.
async fn answer_repetitions(
    conn: &mut PgConnection,
    submissions: &[&Submission],
) -> Result<Vec<Option<Verdict>>, sqlx::Error> {
    let keys: Vec<ScopedKey<'_>> = submissions.iter().filter_map(|submission| scoped(submission)).collect();
    let stored = store::idempotency::find_all(conn, &keys).await?;
    Ok(submissions
        .iter()
        .map(|submission| {
            let key = submission.key.as_ref()?;
            let answer = stored.get(&(key.scope.clone(), key.key.clone()))?;
            Some(repeat(answer, key))
        })
        .collect())
}

fn repeat(answer: &StoredAnswer, key: &IdempotencyKey) -> Verdict {
    if answer.fingerprint == key.fingerprint.as_bytes() {
        Ok(Acceptance { order_id: answer.order_id, body: answer.response.clone(), replayed: true })
    } else {
        Err(Refused::KeyReused)
    }
}

fn scoped(submission: &Submission) -> Option<ScopedKey<'_>> {
    submission.key.as_ref().map(|key| (key.scope.as_str(), key.key.as_str()))
}

async fn look_up(
    conn: &mut PgConnection,
    submissions: impl Iterator<Item = &Submission>,
) -> Result<Catalogue, sqlx::Error> {
    let skus: HashSet<&Sku> = submissions.flat_map(|one| one.form.wishes.iter().map(|wish| &wish.sku)).collect();
    store::products::catalogue(conn, &skus.into_iter().collect::<Vec<_>>()).await
}

fn draft(place: usize, form: &OrderForm, catalogue: &Catalogue, now: OffsetDateTime) -> Result<Draft, Refused> {
    let id = form.id.unwrap_or_else(OrderId::mint);
    let order = form.priced(id, catalogue, now).map_err(|unacceptable| match unacceptable {
        Unacceptable::Faulty(faults) => Refused::Invalid(faults),
        Unacceptable::PriceChanged(faults) => Refused::PriceChanged(faults),
    })?;
    let json = |order: &Order| serde_json::value::to_raw_value(order).map_err(|_| Refused::Internal);
    let body = json(&order)?;
    let answer = match order.payment_token {
        Some(_) => json(&order.without_payment_token())?,
        None => body.clone(),
    };
    Ok(Draft { place, order, body, answer })
}

/// Stores the keys. Returns the drafts that may be written, and the places of those whose key somebody else stored first.
async fn claim_keys(
    conn: &mut PgConnection,
    submissions: &[&Submission],
    drafts: Vec<Draft>,
) -> Result<(Vec<Draft>, Vec<usize>), sqlx::Error> {
    let answers: Vec<NewAnswer<'_>> = drafts
        .iter()
        .filter_map(|draft| {
            let key = submissions[draft.place].key.as_ref()?;
            Some(NewAnswer {
                key: (&key.scope, &key.key),
                fingerprint: key.fingerprint.as_bytes(),
                order_id: draft.order.id,
                response: draft.answer.get(),
            })
        })
        .collect();
    let claimed: HashSet<OrderId> = store::idempotency::claim_all(conn, &answers).await?.into_iter().collect();
    let (winners, losers): (Vec<Draft>, Vec<Draft>) = drafts
        .into_iter()
        .partition(|draft| submissions[draft.place].key.is_none() || claimed.contains(&draft.order.id));
    Ok((winners, losers.into_iter().map(|draft| draft.place).collect()))
}

async fn write(conn: &mut PgConnection, submissions: &[&Submission], drafts: &[Draft]) -> Result<(), sqlx::Error> {
    let mut orders = Vec::with_capacity(drafts.len());
    let mut messages = Vec::with_capacity(drafts.len());
    for Draft { place, order, body, .. } in drafts {
        let Submission { correlation_id, actor, .. } = submissions[*place];
        let message = submission(order.id, order.priority, correlation_id, body)
            .map_err(|error| sqlx::Error::Encode(error.into()))?;
        orders.push(NewOrder { order, correlation_id, actor, message_id: message.message_id });
        messages.push(message);
    }
    store::orders::insert_all(conn, &orders).await?;
    store::outbox::add_all(conn, &messages).await
}
