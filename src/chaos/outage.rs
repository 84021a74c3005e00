//! A server that is away for long while orders come in: what clients are answered meanwhile, and how long it takes from its return
//! until what had piled up is settled. Measured by [`super::injector`].

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::PgPool;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::book::Book;
use super::fault::Kind;

/// Longer than any saga may run.
const PATIENCE: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(100);

/// What clients were answered, and how often.
pub type Answers = BTreeMap<String, u64>;

#[derive(Clone)]
pub struct Outage {
    pub kind: Kind,
    /// While it lasted.
    pub answers: Answers,
    /// Orders that were accepted and not final when the server came back.
    pub backlog: usize,
    /// From the server's return until all of these were final; `None` if some never were.
    pub settled: Option<Duration>,
}

impl Outage {
    /// Call when the server is back; returns when the backlog is settled.
    pub async fn followed(kind: Kind, answers: Answers, book: &Book, db: &PgPool) -> Self {
        let back = Instant::now();
        let accepted: Vec<Uuid> = book.accepted().into_keys().collect();
        let (mut backlog, mut settled) = (None, None);
        while settled.is_none() && back.elapsed() < PATIENCE {
            // A server that has just come back may not answer yet.
            if let Ok(open) = count_open(db, &accepted).await {
                backlog.get_or_insert(open);
                settled = (open == 0).then(|| back.elapsed());
            }
            sleep(LOOK).await;
        }
        Self { kind, answers, backlog: backlog.unwrap_or(accepted.len()), settled }
    }
}

async fn count_open(db: &PgPool, accepted: &[Uuid]) -> anyhow::Result<usize> {
    let query = "select count(*) from orders where id = any($1) and status not in ('pending', 'processing')";
    let settled: i64 = sqlx::query_scalar(query).bind(accepted).fetch_one(db).await?;
    Ok(accepted.len() - usize::try_from(settled)?)
}

/// What came after `before`.
pub fn since(before: &Answers, now: &Answers) -> Answers {
    let mut answers = now.clone();
    for (answer, count) in &mut answers {
        *count -= before.get(answer).copied().unwrap_or_default();
    }
    answers.retain(|_, count| *count > 0);
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answers_given_meanwhile_count() {
        let answers =
            |counts: &[(&str, u64)]| counts.iter().map(|(answer, count)| ((*answer).to_owned(), *count)).collect();
        let (before, now): (Answers, Answers) =
            (answers(&[("202", 5), ("409", 1)]), answers(&[("202", 7), ("409", 1), ("503", 2)]));
        assert_eq!(since(&before, &now), answers(&[("202", 2), ("503", 2)]));
    }
}
