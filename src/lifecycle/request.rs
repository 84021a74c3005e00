//! What people ask of an order: cancel it, ship it, deliver it. Called by the HTTP API, which owns the transaction; what is to be
//! published goes into the outbox of the same commit.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::SagaArgs;
use super::change::{Bearer, Changed, change};
use crate::access::Actor;
use crate::domain::saga::{Input, State, allowed};
use crate::domain::{OrderId, OrderStatus, Shipment};
use crate::store::sagas::Progress;
use crate::store::{order_search, outbox, sagas};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Cancel,
    Ship(Shipment),
    Deliver,
}

impl Request {
    /// The status that is asked for.
    pub fn goal(&self) -> OrderStatus {
        match self {
            Self::Cancel => OrderStatus::Cancelled,
            Self::Ship(_) => OrderStatus::Shipped,
            Self::Deliver => OrderStatus::Delivered,
        }
    }
}

/// Who asks, why, and where that is found in the log.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    pub actor: &'a Actor,
    pub why: Option<&'a str>,
    pub correlation_id: &'a str,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The order is as it was asked for, or on its way there.
    Granted {
        /// Whether this request changed anything, and left messages in the outbox; otherwise it repeats an earlier one.
        changed: bool,
        state: State,
    },
    NotAllowed(NotAllowed),
    /// There is no such order, or the actor may not know of it.
    Unknown,
}

/// The order's state does not allow what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAllowed {
    pub wanted: OrderStatus,
    pub current: State,
    /// What may be asked for instead.
    pub allowed: Vec<OrderStatus>,
}

/// # Errors
/// Any database error; then nothing must be committed.
pub async fn request(
    db: &mut PgConnection,
    args: &SagaArgs,
    order_id: OrderId,
    request: &Request,
    origin: &Origin<'_>,
) -> Result<Asked, sqlx::Error> {
    let mut found = sagas::lock(db, &[order_id]).await?;
    let own = |progress: &&mut Progress| origin.actor.reaches(&progress.order.customer_id);
    let Some(progress) = found.get_mut(&order_id).filter(own) else { return Ok(Asked::Unknown) };
    let current = progress.state.clone();
    let input = match request {
        Request::Cancel => Input::CancelRequested,
        Request::Deliver => Input::DeliveryReported,
        Request::Ship(shipment) => {
            let known = progress.order.shipment.replace(shipment.clone());
            Input::ShipmentReported { repeated: known.is_some_and(|known| known.is_same_parcel(shipment)) }
        }
    };
    let Origin { actor, why, correlation_id } = *origin;
    let actor = actor.to_string();
    let bearer = Bearer {
        actor: &actor,
        message_id: None,
        correlation_id: Some(correlation_id),
        why,
        now: OffsetDateTime::now_utc(),
    };
    let changed = change(progress, &input, &bearer).map_err(|error| sqlx::Error::Encode(error.into()))?;
    match changed {
        Changed::Refused => {
            let allowed = allowed(&current);
            Ok(Asked::NotAllowed(NotAllowed { wanted: request.goal(), current, allowed }))
        }
        Changed::Stayed { messages } => {
            outbox::add_all(db, &messages).await?;
            Ok(Asked::Granted { changed: !messages.is_empty(), state: current })
        }
        Changed::Moved { line, messages } => {
            sagas::save(db, &[&*progress], |step| args.patience(step), &[line]).await?;
            outbox::add_all(db, &messages).await?;
            if let Request::Ship(shipment) = request {
                order_search::add_words(db, order_id, shipment.tracking_number.as_str()).await?;
            }
            Ok(Asked::Granted { changed: true, state: progress.state.clone() })
        }
    }
}
