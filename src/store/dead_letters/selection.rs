//! Which dead letters an operator means to work on: named one by one, or all that match.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::query::{Filter, is_replayable};

/// Which dead letters an operation takes.
pub enum Selection<'a> {
    /// In this order.
    Ids(&'a [Uuid]),
    /// Everything that matches and is free now; the groups take turns, so that each is tried early.
    Matching(&'a Filter),
}

impl Selection<'_> {
    /// A query of `position`, `id` and `group_id`. Ids that nobody knows, or that are not free, are there too: they get their answer.
    pub(super) fn push(&self, query: &mut QueryBuilder<Postgres>) {
        match self {
            Selection::Ids(ids) => {
                query.push("select t.place as position, t.id, d.group_id from unnest(").push_bind(ids.to_vec());
                query.push("::uuid[]) with ordinality as t (id, place) left join dead_letters d on d.id = t.id");
            }
            Selection::Matching(filter) => {
                query.push(
                    "select row_number() over (order by turn, last_failed_at, id) as position, id, group_id from (
                         select d.id, d.group_id, d.last_failed_at,
                             row_number() over (partition by d.group_id order by d.last_failed_at, d.id) as turn
                         from dead_letters d where",
                );
                Filter { state: None, ..(*filter).clone() }.conditions(query);
                is_replayable(query);
                query.push(") d");
            }
        }
    }
}

/// How many letters of one group are selected.
#[derive(Clone, Debug)]
pub struct Selected {
    pub group: Option<Uuid>,
    pub queue: String,
    pub reason: String,
    /// Of one of them.
    pub error: String,
    pub letters: i64,
}

/// The free letters of a selection, by group; the largest first.
///
/// # Errors
/// Any database error.
pub async fn selected(db: &mut PgConnection, selection: &Selection<'_>) -> Result<Vec<Selected>, sqlx::Error> {
    let mut query = QueryBuilder::new(
        "select d.group_id, min(d.queue) as queue, min(d.reason) as reason,
            min(d.error) as error, count(*) as letters from (",
    );
    selection.push(&mut query);
    query.push(") s join dead_letters d on d.id = s.id where true");
    is_replayable(&mut query);
    query.push(" group by d.group_id order by count(*) desc, d.group_id");
    let found = query.build().try_map(|row: PgRow| {
        Ok(Selected {
            group: row.try_get("group_id")?,
            queue: row.try_get("queue")?,
            reason: row.try_get("reason")?,
            error: row.try_get("error")?,
            letters: row.try_get("letters")?,
        })
    });
    found.fetch_all(db).await
}

/// The first ids of a selection, in the order in which they would be replayed.
///
/// # Errors
/// Any database error.
pub async fn sample(db: &mut PgConnection, selection: &Selection<'_>, limit: i64) -> Result<Vec<Uuid>, sqlx::Error> {
    let mut query = QueryBuilder::new("select s.id from (");
    selection.push(&mut query);
    query.push(") s join dead_letters d on d.id = s.id where true");
    is_replayable(&mut query);
    query.push(" order by s.position limit ").push_bind(limit);
    query.build_query_scalar().fetch_all(db).await
}
