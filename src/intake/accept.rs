//! The use case "accept an order", for many orders in one transaction. Called by the batcher.
//!
//! An order, its history, its message and the answer under its key are committed together or not at all. Orders with faults
//! leave no trace and cost their neighbours nothing.

use std::collections::HashSet;

use serde_json::value::RawValue;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::idempotency::IdempotencyKey;
use super::listings::Listings;
use crate::contract::order::{OrderForm, Unacceptable};
use crate::contract::{FieldError, Outgoing};
use crate::crash_points::{Boundary, crash_point};
use crate::domain::catalogue::Catalogue;
use crate::domain::{Order, OrderId, Sku};
use crate::lifecycle;
use crate::store::orders::{self, Known, NewAnswer, NewOrder, ScopedKey};

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
    message: Outgoing,
    /// For the client: what it pays with is nobody's to read again.
    answer: Box<RawValue>,
}

/// Judges every submission and stores what is accepted, in one round trip for all of them, or two where `listings` does not know a product or
/// a submission has a fault. The verdicts come in the order of the submissions; what is accepted is committed.
///
/// # Errors
/// When the database is away or refuses a value; nothing is stored then, unless the answer to the commit was lost.
pub(super) async fn accept_all(
    conn: &mut PgConnection,
    listings: &Listings,
    submissions: &[&Submission],
) -> Result<Vec<Verdict>, sqlx::Error> {
    if let Some(catalogue) = listings.of(submissions) {
        let known = Known { catalogue, ..Known::default() };
        let judged = Judged::by(&known, submissions);
        // a fault may be one of the listings: then the catalogue itself is asked
        if judged.drafts.len() == submissions.len()
            && let Some(verdicts) = settle(conn, submissions, judged, Some(&known.catalogue)).await?
        {
            return Ok(verdicts);
        }
    }
    let skus: HashSet<&Sku> = skus(submissions).collect();
    let known = orders::look_up(conn, &keys(submissions), &skus).await?;
    listings.learn(&known.catalogue);
    let verdicts = settle(conn, submissions, Judged::by(&known, submissions), None).await?;
    Ok(verdicts.unwrap_or_default())
}

/// Submissions, each with its verdict or on its way into the database.
struct Judged {
    verdicts: Vec<Option<Verdict>>,
    drafts: Vec<Draft>,
}

impl Judged {
    fn by(known: &Known, submissions: &[&Submission]) -> Self {
        let now = OffsetDateTime::now_utc();
        let mut judged = Self { verdicts: Vec::with_capacity(submissions.len()), drafts: Vec::new() };
        for (place, submission) in submissions.iter().enumerate() {
            judged.verdicts.push(repetition(submission, known).or_else(|| {
                match draft(place, submission, &known.catalogue, now) {
                    Ok(draft) => judged.drafts.push(draft),
                    Err(refused) => return Some(Err(refused)),
                }
                None
            }));
        }
        judged
    }
}

/// Stores the drafts; `None` when they were priced by listings that no longer hold, and nothing is stored.
async fn settle(
    conn: &mut PgConnection,
    submissions: &[&Submission],
    Judged { mut verdicts, drafts }: Judged,
    priced_by: Option<&Catalogue>,
) -> Result<Option<Vec<Verdict>>, sqlx::Error> {
    crash_point("intake", Boundary::BeforeCommit);
    let Some(stored) = store(conn, submissions, &drafts, priced_by).await? else { return Ok(None) };
    crash_point("intake", Boundary::AfterCommit);
    let mut too_late = Vec::new();
    for Draft { place, order, answer, .. } in drafts {
        match stored.contains(&order.id) {
            true => {
                let body = String::from(Box::<str>::from(answer));
                verdicts[place] = Some(Ok(Acceptance { order_id: order.id, body, replayed: false }));
            }
            false => too_late.push(place),
        }
    }
    if !too_late.is_empty() {
        let losers: Vec<&Submission> = too_late.iter().map(|&place| submissions[place]).collect();
        let known = orders::look_up(conn, &keys(&losers), &HashSet::new()).await?;
        for (place, loser) in too_late.into_iter().zip(losers) {
            // without an answer the winner has vanished in between: the client may simply ask again
            verdicts[place] = Some(repetition(loser, &known).unwrap_or(Err(Refused::KeyInFlight)));
        }
    }
    Ok(Some(verdicts.into_iter().map(|verdict| verdict.unwrap_or(Err(Refused::Internal))).collect()))
}

pub(super) fn skus<'a>(submissions: &'a [&Submission]) -> impl Iterator<Item = &'a Sku> {
    submissions.iter().flat_map(|one| one.form.wishes.iter().map(|wish| &wish.sku))
}

fn keys<'a>(submissions: &[&'a Submission]) -> Vec<ScopedKey<'a>> {
    let keys = submissions.iter().filter_map(|submission| submission.key.as_ref());
    keys.map(|key| (key.scope.as_str(), key.key.as_str())).collect()
}

/// The first answer again, if the key is known.
fn repetition(submission: &Submission, known: &Known) -> Option<Verdict> {
    let key = submission.key.as_ref()?;
    let answer = known.answers.get(&(key.scope.clone(), key.key.clone()))?;
    Some(match answer.fingerprint == key.fingerprint.as_bytes() {
        true => Ok(Acceptance { order_id: answer.order_id, body: answer.response.clone(), replayed: true }),
        false => Err(Refused::KeyReused),
    })
}

fn draft(place: usize, submission: &Submission, catalogue: &Catalogue, now: OffsetDateTime) -> Result<Draft, Refused> {
    let form = &submission.form;
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
    let message = lifecycle::submission(order.id, order.priority, &submission.correlation_id, &body)
        .map_err(|_| Refused::Internal)?;
    Ok(Draft { place, order, message, answer })
}

async fn store(
    conn: &mut PgConnection,
    submissions: &[&Submission],
    drafts: &[Draft],
    priced_by: Option<&Catalogue>,
) -> Result<Option<HashSet<OrderId>>, sqlx::Error> {
    let new: Vec<NewOrder<'_>> = drafts
        .iter()
        .map(|Draft { place, order, message, answer }| NewOrder {
            order,
            correlation_id: &submissions[*place].correlation_id,
            actor: &submissions[*place].actor,
            message_id: message.message_id,
            answer: submissions[*place].key.as_ref().map(|key| NewAnswer {
                key: (&key.scope, &key.key),
                fingerprint: key.fingerprint.as_bytes(),
                response: answer.get(),
            }),
            message: Some(message),
        })
        .collect();
    match priced_by {
        Some(catalogue) => orders::store_if_priced(conn, &new, catalogue).await,
        None => orders::store_all(conn, &new).await.map(Some),
    }
}
