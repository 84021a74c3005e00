//! Takes dead letters in. Called by the dead-letter-handler, in the transaction that also records the inbox row.

use std::collections::HashSet;

use serde_json::{Map, Value};
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::stable_uuid;
use crate::store::decode::json;
use crate::store::text::storable;

/// One dead letter as it was found in the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrived {
    pub message_id: Uuid,
    pub queue: String,
    pub exchange: String,
    pub routing_key: String,
    pub reason: String,
    pub error: String,
    pub kind: Option<String>,
    pub correlation_id: Option<String>,
    pub order_id: Option<Uuid>,
    pub customer_id: Option<String>,
    pub skus: Vec<String>,
    /// `None`: it has not failed, it waits.
    pub group: Option<Cause>,
    /// What every attempt said: `[{"attempt", "at", "error"}]`, the oldest first.
    pub attempts: Value,
    pub headers: Map<String, Value>,
    pub properties: Map<String, Value>,
    pub deaths: Value,
    pub payload: Vec<u8>,
    pub content_type: Option<String>,
    pub first_failed_at: OffsetDateTime,
    pub last_failed_at: OffsetDateTime,
    pub replays: i32,
}

/// The group that a dead letter belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    pub id: Uuid,
    /// The error without what differs from message to message.
    pub class: String,
}

/// What the row looks like now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    pub id: Uuid,
    /// More than 1: it had failed before, and the row is open again.
    pub failures: i32,
}

/// Stores a batch; the answers are in its order.
///
/// A message that is there already (same id, same queue, same payload) counts as one failure more and is opened again, whatever its
/// state. Two different messages under one id (clients that number badly) are kept apart: the later one gets an id derived from its
/// payload for the row; the message itself keeps its own in its properties.
///
/// # Errors
/// Any database error.
pub async fn upsert(db: &mut PgConnection, batch: &[Arrived]) -> Result<Vec<Stored>, sqlx::Error> {
    let mut stored: Vec<Option<Stored>> = vec![None; batch.len()];
    let mut waiting: Vec<usize> = (0..batch.len()).collect();
    // One statement may touch a row only once, so messages of one key go in successive rounds.
    while !waiting.is_empty() {
        let mut keys = HashSet::new();
        let (round, later): (Vec<usize>, Vec<usize>) =
            waiting.into_iter().partition(|&index| keys.insert((batch[index].message_id, batch[index].queue.as_str())));
        let letters: Vec<(usize, Uuid)> = round.iter().map(|&index| (index, batch[index].message_id)).collect();
        let mut refused = Vec::new();
        for ((index, _), answer) in letters.iter().zip(write(db, batch, &letters).await?) {
            match answer {
                Some(answer) => stored[*index] = Some(answer),
                None => refused.push((*index, of_payload(&batch[*index]))),
            }
        }
        for ((index, _), answer) in refused.iter().zip(write(db, batch, &refused).await?) {
            stored[*index] = answer;
        }
        waiting = later;
    }
    let stored: Vec<Stored> =
        stored.into_iter().map(|stored| stored.ok_or(sqlx::Error::RowNotFound)).collect::<Result<_, _>>()?;
    deaths(db, batch, &stored).await?;
    super::groups::count(db, batch).await?;
    Ok(stored)
}

/// Adds this death to those that each letter has died before.
async fn deaths(db: &mut PgConnection, batch: &[Arrived], stored: &[Stored]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into dead_letter_deaths (dead_letter_id, at, replays, reason, error, attempts)
         select t.id, t.at, t.replays, t.reason, t.error, t.attempts::jsonb
         from unnest($1::uuid[], $2::timestamptz[], $3::int[], $4::text[], $5::text[], $6::text[])
             as t (id, at, replays, reason, error, attempts)",
    )
    .bind(stored.iter().map(|stored| stored.id).collect::<Vec<_>>())
    .bind(batch.iter().map(|letter| letter.last_failed_at).collect::<Vec<_>>())
    .bind(batch.iter().map(|letter| letter.replays).collect::<Vec<_>>())
    .bind(batch.iter().map(|letter| storable(&letter.reason)).collect::<Vec<_>>())
    .bind(batch.iter().map(|letter| storable(&letter.error)).collect::<Vec<_>>())
    .bind(batch.iter().map(|letter| json(&letter.attempts)).collect::<Result<Vec<_>, _>>()?)
    .execute(db)
    .await
    .map(drop)
}

fn of_payload(letter: &Arrived) -> Uuid {
    stable_uuid(&[letter.message_id.as_bytes().as_slice(), &letter.payload].concat())
}

/// Writes rows under the given ids; `None` where a row with another payload has the key.
async fn write(
    db: &mut PgConnection,
    batch: &[Arrived],
    letters: &[(usize, Uuid)],
) -> Result<Vec<Option<Stored>>, sqlx::Error> {
    if letters.is_empty() {
        return Ok(Vec::new());
    }
    let all = || letters.iter().map(|&(index, _)| &batch[index]);
    let texts = |text: fn(&Arrived) -> &str| all().map(|letter| storable(text(letter))).collect::<Vec<String>>();
    let optional = |text: fn(&Arrived) -> Option<&str>| {
        all().map(|letter| text(letter).map(storable)).collect::<Vec<Option<String>>>()
    };
    let rows = sqlx::query(
        "insert into dead_letters as d (id, message_id, queue, exchange, routing_key, reason, error, kind, correlation_id,
             order_id, headers, properties, deaths, payload, content_type, first_failed_at, last_failed_at, replays,
             group_id, customer_id, skus, state)
         select t.id, t.message_id, t.queue, t.exchange, t.routing_key, t.reason, t.error, t.kind, t.correlation_id,
             t.order_id, t.headers::jsonb, t.properties::jsonb, t.deaths::jsonb, t.payload, t.content_type,
             t.first_failed_at, t.last_failed_at, t.replays, t.group_id, t.customer_id,
             array(select jsonb_array_elements_text(t.skus::jsonb)),
             case when t.group_id is null then 'parked' else 'unresolved' end
         from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
             $9::text[], $10::uuid[], $11::text[], $12::text[], $13::text[], $14::bytea[], $15::text[],
             $16::timestamptz[], $17::timestamptz[], $18::int[], $19::uuid[], $20::text[], $21::text[])
             as t (id, message_id, queue, exchange, routing_key, reason, error, kind, correlation_id,
                 order_id, headers, properties, deaths, payload, content_type, first_failed_at, last_failed_at, replays,
                 group_id, customer_id, skus)
         order by t.message_id, t.queue
         on conflict (message_id, queue) do update set
             exchange = excluded.exchange, routing_key = excluded.routing_key, reason = excluded.reason,
             error = excluded.error, kind = excluded.kind, correlation_id = excluded.correlation_id,
             order_id = excluded.order_id, headers = excluded.headers, properties = excluded.properties,
             deaths = excluded.deaths, content_type = excluded.content_type,
             group_id = excluded.group_id, customer_id = excluded.customer_id, skus = excluded.skus,
             last_failed_at = greatest(d.last_failed_at, excluded.last_failed_at),
             failures = d.failures + 1, replays = greatest(d.replays, excluded.replays),
             state = excluded.state, state_reason = null, state_changed_at = clock_timestamp()
         where d.payload = excluded.payload
         returning d.id, d.message_id, d.queue, d.failures",
    )
    .bind(letters.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>())
    .bind(letters.iter().map(|&(_, id)| id).collect::<Vec<_>>())
    .bind(texts(|letter| &letter.queue))
    .bind(texts(|letter| &letter.exchange))
    .bind(texts(|letter| &letter.routing_key))
    .bind(texts(|letter| &letter.reason))
    .bind(texts(|letter| &letter.error))
    .bind(optional(|letter| letter.kind.as_deref()))
    .bind(optional(|letter| letter.correlation_id.as_deref()))
    .bind(all().map(|letter| letter.order_id).collect::<Vec<_>>())
    .bind(all().map(|letter| json(&letter.headers)).collect::<Result<Vec<_>, _>>()?)
    .bind(all().map(|letter| json(&letter.properties)).collect::<Result<Vec<_>, _>>()?)
    .bind(all().map(|letter| json(&letter.deaths)).collect::<Result<Vec<_>, _>>()?)
    .bind(all().map(|letter| letter.payload.as_slice()).collect::<Vec<_>>())
    .bind(optional(|letter| letter.content_type.as_deref()))
    .bind(all().map(|letter| letter.first_failed_at).collect::<Vec<_>>())
    .bind(all().map(|letter| letter.last_failed_at).collect::<Vec<_>>())
    .bind(all().map(|letter| letter.replays).collect::<Vec<_>>())
    .bind(all().map(|letter| letter.group.as_ref().map(|group| group.id)).collect::<Vec<_>>())
    .bind(optional(|letter| letter.customer_id.as_deref()))
    .bind(all().map(|letter| json(&letter.skus.iter().map(|sku| storable(sku)).collect::<Vec<_>>())).collect::<Result<Vec<_>, _>>()?)
    .fetch_all(db)
    .await?;
    let mut answers = vec![None; letters.len()];
    for row in rows {
        let (message_id, queue): (Uuid, String) = (row.try_get("message_id")?, row.try_get("queue")?);
        let place = letters.iter().position(|&(index, id)| id == message_id && storable(&batch[index].queue) == queue);
        if let Some(place) = place {
            answers[place] = Some(Stored { id: row.try_get("id")?, failures: row.try_get("failures")? });
        }
    }
    Ok(answers)
}
