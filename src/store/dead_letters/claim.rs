//! Changes of state. A replay first claims its rows, so that two operators never publish one message at the same time.
//!
//! The claim is a lease: `state = 'replaying'` with the time of the claim in `state_changed_at`. Whoever ends a replay names that time,
//! and changes nothing if the row has moved on meanwhile (the message has died again, or the lease ran out and another operator took
//! the row). A claim that a crashed replayer left behind is simply taken again by the next replay after [`LEASE_MINUTES`]; nothing
//! has to run in between. Its message may have been published: the consumer's inbox lets it take effect once.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::columns::all_columns;
use super::row::{DeadLetter, read};
use crate::store::text::storable;

/// A replayer publishes a claimed chunk within a fraction of this or gives it back (`dead_letter_handler::replay`).
pub const LEASE_MINUTES: i32 = 5;

/// Proof that this process may replay the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub id: Uuid,
    pub at: OffsetDateTime,
}

/// A claim given back.
#[derive(Clone, Debug)]
pub struct Released {
    pub claim: Claim,
    pub why: String,
    /// Surely not published: the replay does not count.
    pub unsent: bool,
}

/// Claims those of `ids` that are free or parked, or were claimed by the same operation before it was resumed. The rest is being replayed by
/// someone else, or is not unresolved.
///
/// Each claim counts as a replay at once, so no two copies ever carry the same `fleet-replays`.
///
/// # Errors
/// Any database error.
pub async fn claim(
    db: &mut PgConnection,
    ids: &[Uuid],
    operation: Uuid,
    by: &str,
) -> Result<Vec<(Claim, DeadLetter)>, sqlx::Error> {
    // Locked in the order of ids: two operators with overlapping selections wait for each other instead of deadlocking.
    let rows = sqlx::query(concat!(
        "with picked as (
             select id from dead_letters where id = any($1) order by id for update
         )
         update dead_letters d
         set state = 'replaying', state_reason = $2, state_changed_at = clock_timestamp(), replays = d.replays + 1,
             operation_id = $4
         from picked
         where d.id = picked.id and (d.state in ('unresolved', 'parked') or (d.state = 'replaying'
             and (d.operation_id = $4 or d.state_changed_at < clock_timestamp() - make_interval(mins => $3))))
         returning ",
        all_columns!()
    ))
    .bind(ids)
    .bind(storable(by))
    .bind(LEASE_MINUTES)
    .bind(operation)
    .fetch_all(db)
    .await?;
    let mut claimed = rows
        .iter()
        .map(|row| {
            let letter = read(row)?;
            Ok((Claim { id: letter.summary.id, at: letter.summary.state_changed_at }, letter))
        })
        .collect::<Result<Vec<_>, sqlx::Error>>()?;
    claimed.sort_by_key(|(claim, _)| ids.iter().position(|id| *id == claim.id));
    Ok(claimed)
}

/// Marks claimed rows as resolved. Returns those that were still ours; the others have failed again already.
///
/// # Errors
/// Any database error.
pub async fn resolve(db: &mut PgConnection, claims: &[Claim], why: &str) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "update dead_letters d set state = 'resolved', state_reason = $3, state_changed_at = clock_timestamp()
         from unnest($1::uuid[], $2::timestamptz[]) as t (id, at)
         where d.id = t.id and d.state = 'replaying' and d.state_changed_at = t.at
         returning d.id",
    )
    .bind(claims.iter().map(|claim| claim.id).collect::<Vec<_>>())
    .bind(claims.iter().map(|claim| claim.at).collect::<Vec<_>>())
    .bind(why)
    .fetch_all(db)
    .await
}

/// Marks free rows as resolved whose replay would change nothing.
///
/// # Errors
/// Any database error.
pub async fn settle_needless(db: &mut PgConnection, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update dead_letters set state = 'resolved', state_reason = 'a replay would change nothing',
             state_changed_at = clock_timestamp()
         where id = any($1) and state = 'unresolved'",
    )
    .bind(ids)
    .execute(db)
    .await
    .map(drop)
}

/// Gives claims back: the rows wait for an operator again.
///
/// # Errors
/// Any database error.
pub async fn release(db: &mut PgConnection, released: &[Released]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update dead_letters d
         set state = case d.reason when 'parked' then 'parked' else 'unresolved' end, state_reason = t.why,
             state_changed_at = clock_timestamp(),
             replays = d.replays - case when t.unsent then 1 else 0 end
         from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::bool[]) as t (id, at, why, unsent)
         where d.id = t.id and d.state = 'replaying' and d.state_changed_at = t.at",
    )
    .bind(released.iter().map(|released| released.claim.id).collect::<Vec<_>>())
    .bind(released.iter().map(|released| released.claim.at).collect::<Vec<_>>())
    .bind(released.iter().map(|released| storable(&released.why)).collect::<Vec<_>>())
    .bind(released.iter().map(|released| released.unsent).collect::<Vec<_>>())
    .execute(db)
    .await
    .map(drop)
}

/// Gives dead letters up. Returns those that were open (unresolved, parked, or claimed by a replayer that is long gone).
///
/// # Errors
/// Any database error.
pub async fn discard(db: &mut PgConnection, ids: &[Uuid], why: &str) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "with picked as (
             select id from dead_letters where id = any($1) order by id for update
         )
         update dead_letters d set state = 'discarded', state_reason = $2, state_changed_at = clock_timestamp()
         from picked
         where d.id = picked.id and (d.state in ('unresolved', 'parked')
             or (d.state = 'replaying' and d.state_changed_at < clock_timestamp() - make_interval(mins => $3)))
         returning d.id",
    )
    .bind(ids)
    .bind(storable(why))
    .bind(LEASE_MINUTES)
    .fetch_all(db)
    .await
}
