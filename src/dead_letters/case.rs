//! Everything about one dead letter: the message, each of its deaths, its group and its neighbours, its order, and what would happen
//! if it were replayed now.

use sqlx::PgPool;
use uuid::Uuid;

use super::consumers::{Consumers, Verdict};
use crate::domain::OrderId;
use crate::store::dead_letters::{self as store, DeadLetter, Death, Edit, Group};
use crate::store::order_queries::{self, OrderDetails};

pub struct Case {
    pub letter: DeadLetter,
    /// The oldest first.
    pub deaths: Vec<Death>,
    /// Repairs so far, the oldest first.
    pub edits: Vec<Edit>,
    pub group: Option<Group>,
    /// How many of the group died in the minute of its last death, itself included.
    pub died_together: i32,
    pub order: Option<OrderDetails>,
    pub verdict: Verdict,
}

impl Case {
    /// `None`: there is no such dead letter.
    ///
    /// # Errors
    /// Any database error.
    pub async fn open(db: &PgPool, id: Uuid, consumers: &dyn Consumers) -> Result<Option<Self>, sqlx::Error> {
        let mut connection = db.acquire().await?;
        let Some(letter) = store::get(&mut connection, id).await? else { return Ok(None) };
        let deaths = store::deaths(&mut connection, id).await?;
        let edits = store::edits(&mut connection, id).await?;
        let (mut group, mut died_together) = (None, 1);
        if let Some(id) = letter.summary.group_id {
            group = store::group(&mut connection, id).await?;
            died_together = store::died_with(&mut connection, id, letter.summary.last_failed_at).await?;
        }
        let order = match letter.summary.order_id {
            Some(id) => order_queries::find(&mut connection, OrderId(id)).await?,
            None => None,
        };
        drop(connection);
        let verdict = consumers.rehearse(db, letter.clone()).await;
        Ok(Some(Self { letter, deaths, edits, group, died_together, order, verdict }))
    }
}
