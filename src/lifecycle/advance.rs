//! Moves a batch of locked orders on: decide each input in its turn, write everything back at once.

use std::collections::{BTreeSet, HashMap};

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::SagaArgs;
use super::change::{Bearer, Changed, change};
use crate::domain::OrderId;
use crate::domain::saga::Input;
use crate::messaging::{Failure, Outcome};
use crate::store::sagas::{self, Progress};

/// Who moves orders on when a message does.
const ACTOR: &str = "system:order-processor";

/// One input of one order and the message that brought it.
pub struct Arrived {
    pub order_id: OrderId,
    pub input: Input,
    pub message_id: Uuid,
}

/// Decides the inputs in their order; several for one order see each other's result. `orders` are locked. One outcome per input.
///
/// # Errors
/// Any database error; nothing is committed then.
pub async fn advance(
    db: &mut PgConnection,
    args: &SagaArgs,
    mut orders: HashMap<OrderId, Progress>,
    arrived: &[Arrived],
) -> Result<Vec<Outcome>, sqlx::Error> {
    let mut changed = BTreeSet::new();
    let mut history = Vec::new();
    let mut outcomes = Vec::with_capacity(arrived.len());
    let now = OffsetDateTime::now_utc();
    for Arrived { order_id, input, message_id } in arrived {
        let Some(progress) = orders.get_mut(order_id) else {
            outcomes.push(Outcome::Failed(Failure::Refused(format!("no order has the id {order_id}"))));
            continue;
        };
        let bearer = Bearer { actor: ACTOR, message_id: Some(*message_id), correlation_id: None, why: None, now };
        outcomes.push(match change(progress, input, &bearer) {
            Ok(Changed::Moved { line, messages }) => {
                changed.insert(*order_id);
                history.push(line);
                Outcome::Done(messages)
            }
            Ok(Changed::Stayed { messages }) => Outcome::Done(messages),
            Ok(Changed::Refused) => {
                Outcome::Failed(Failure::Refused(format!("order {order_id} does not allow {} now", input.as_str())))
            }
            Err(error) => Outcome::Failed(Failure::Transient(error.to_string())),
        });
    }
    let changed: Vec<&Progress> = changed.iter().filter_map(|id| orders.get(id)).collect();
    if !changed.is_empty() {
        sagas::save(db, &changed, |step| args.patience(step), &history).await?;
    }
    Ok(outcomes)
}
