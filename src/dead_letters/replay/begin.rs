//! Begins a replay and turns it, each with its entry in the audit log; and says before what would come of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Actor;
use crate::dead_letters::consumers::Consumers;
use crate::dead_letters::mask::mask_text;
use crate::store::audit_log::{self, Deed};
use crate::store::dead_letters::{self as store, Item, NewOperation, Operation, OperationState, Selection};

/// How a replay is asked for.
pub struct Begin<'a> {
    pub actor: &'a Actor,
    pub reason: Option<&'a str>,
    /// Most messages per second.
    pub rate: i32,
    /// Share of a group that may fail again, from 0 to 1.
    pub failure_limit: f64,
    /// Whether each message is followed to its end; without it there is no ramp.
    pub watched: bool,
    /// Who will carry it out; `None`: whoever looks first.
    pub runner: Option<Uuid>,
}

/// Records a replay; a runner takes it up.
///
/// # Errors
/// Any database error.
pub async fn begin(
    db: &mut PgConnection,
    asked: &Begin<'_>,
    selection: &Selection<'_>,
) -> Result<Operation, sqlx::Error> {
    let operator = asked.actor.to_string();
    let words = words(selection);
    let new = NewOperation {
        id: Uuid::now_v7(),
        operator: &operator,
        reason: asked.reason,
        selection: &words,
        rate: asked.rate,
        failure_limit: asked.failure_limit,
        watched: asked.watched,
        runner: asked.runner,
    };
    let operation = store::create(db, &new, selection).await?;
    let after = json!({"selection": words, "total": operation.total, "rate": asked.rate});
    did(db, asked.actor, "replay.begin", operation.id, asked.reason, Some(&after)).await?;
    Ok(operation)
}

/// What an operator may do with a replay that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Send nothing more; what is on its way ends.
    Pause,
    Resume,
    /// Send nothing more, for good.
    Cancel,
}

impl Turn {
    /// How a replay must stand.
    pub fn from(self) -> &'static [OperationState] {
        match self {
            Self::Pause => &[OperationState::Running],
            Self::Resume => &[OperationState::Paused],
            Self::Cancel => &[OperationState::Running, OperationState::Paused],
        }
    }

    fn to(self) -> OperationState {
        match self {
            Self::Pause => OperationState::Paused,
            Self::Resume => OperationState::Running,
            Self::Cancel => OperationState::Cancelled,
        }
    }

    fn action(self) -> &'static str {
        match self {
            Self::Pause => "replay.pause",
            Self::Resume => "replay.resume",
            Self::Cancel => "replay.cancel",
        }
    }
}

/// How a replay stands after a turn, and whether it was turned: it was not if it stood otherwise. `None`: there is none.
///
/// # Errors
/// Any database error.
pub async fn turn(
    db: &mut PgConnection,
    actor: &Actor,
    id: Uuid,
    turn: Turn,
) -> Result<Option<(Operation, bool)>, sqlx::Error> {
    let turned = store::turn(db, id, turn.from(), turn.to(), Some(&format!("by {actor}"))).await?;
    if turned {
        if turn == Turn::Cancel {
            store::keep(db, id, None, "the replay was cancelled").await?;
        }
        did(db, actor, turn.action(), id, None, None).await?;
    }
    Ok(store::operation(db, id).await?.map(|now| (now, turned)))
}

/// Most messages of a replay that are listed one by one.
pub const LISTED: i64 = 20;

/// What became of the first messages of a replay, those that failed again before the others. Without personal data.
///
/// # Errors
/// Any database error.
pub async fn first_items(db: &mut PgConnection, id: Uuid) -> Result<Vec<Item>, sqlx::Error> {
    let mut items = store::items(db, id, LISTED).await?;
    for item in &mut items {
        item.detail = item.detail.as_deref().map(mask_text);
    }
    Ok(items)
}

async fn did(
    db: &mut PgConnection,
    actor: &Actor,
    action: &str,
    id: Uuid,
    reason: Option<&str>,
    after: Option<&serde_json::Value>,
) -> Result<(), sqlx::Error> {
    let target = super::end::target(id);
    let deed = Deed { actor, action, target: &target, reason, before: None, after, correlation_id: None };
    audit_log::append(db, &deed).await
}

fn words(selection: &Selection<'_>) -> String {
    match selection {
        Selection::Ids([one]) => format!("dead letter {one}"),
        Selection::Ids(ids) => format!("{} dead letters", ids.len()),
        Selection::Matching(filter) => filter.to_string(),
    }
}

/// What would come of a replay, by group.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ReplayPreview)]
pub struct Preview {
    /// Free dead letters that are selected.
    pub total: i64,
    /// How many of them were rehearsed: all, or the first of every group.
    pub rehearsed: i64,
    pub groups: Vec<PreviewedGroup>,
}

/// What would come of the letters of one group.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PreviewedGroup {
    pub group_id: Option<Uuid>,
    pub queue: String,
    pub reason: String,
    /// The error of one of them.
    pub error: String,
    pub total: i64,
    /// How many of those that were rehearsed would come to what, with an example in words.
    pub verdicts: Vec<PreviewedVerdict>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PreviewedVerdict {
    pub verdict: String,
    pub count: i64,
    pub example: String,
}

/// Rehearses what is selected, at most `sample` of it, the groups in turns.
///
/// # Errors
/// Any database error.
pub async fn preview(
    db: &PgPool,
    selection: &Selection<'_>,
    sample: i64,
    consumers: &dyn Consumers,
) -> Result<Preview, sqlx::Error> {
    let mut connection = db.acquire().await?;
    let counts = store::selected(&mut connection, selection).await?;
    let sample = store::sample(&mut connection, selection, sample).await?;
    let mut groups: Vec<PreviewedGroup> = counts
        .into_iter()
        .map(|count| PreviewedGroup {
            group_id: count.group,
            queue: count.queue,
            reason: count.reason,
            error: count.error,
            total: count.letters,
            verdicts: Vec::new(),
        })
        .collect();
    let rehearsed = i64::try_from(sample.len()).unwrap_or(i64::MAX);
    let mut verdicts: BTreeMap<(Option<Uuid>, String), (i64, String)> = BTreeMap::new();
    for ids in sample.chunks(100) {
        for letter in store::whole(&mut connection, ids).await? {
            let group = letter.summary.group_id;
            let verdict = consumers.rehearse(db, letter).await;
            let counted = verdicts.entry((group, verdict.code().to_owned())).or_insert((0, verdict.to_string()));
            counted.0 += 1;
        }
    }
    for ((group, verdict), (count, example)) in verdicts {
        if let Some(of) = groups.iter_mut().find(|of| of.group_id == group) {
            of.verdicts.push(PreviewedVerdict { verdict, count, example });
        }
    }
    Ok(Preview { total: groups.iter().map(|group| group.total).sum(), rehearsed, groups })
}
