//! One repair for many letters: what it would come to, and its doing.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use sqlx::PgPool;
use utoipa::ToSchema;
use uuid::Uuid;

use super::consumers::{Consumers, Verdict};
use super::deeds::Outcome;
use super::mask::{mask_json, mask_text};
use super::repair::{Repair, Unrepairable, repair, try_out};
use crate::access::Actor;
use crate::store::dead_letters as store;

/// So many are shown with their changes; of the others there are only numbers.
pub const SHOWN: usize = 5;

/// What a repair would come to. Without personal data.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = RepairPreview)]
pub struct Preview {
    /// Letters that would change.
    pub changed: usize,
    pub unchanged: usize,
    /// How many of those that change would come to what if they were replayed then.
    pub if_replayed_then: BTreeMap<String, usize>,
    /// Letters that cannot be repaired so, and why.
    pub refused: Vec<Outcome>,
    /// The first of those that change.
    pub first: Vec<Shown>,
}

/// What would change in one letter.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RepairedLetter)]
pub struct Shown {
    pub id: Uuid,
    /// JSON Patch (RFC 6902) from what it is to what it would be.
    #[schema(value_type = Vec<Object>)]
    pub changes: Value,
    pub if_replayed_then: Verdict,
}

/// What became of a repair.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = RepairResult)]
pub struct Repaired {
    pub edited: usize,
    pub unchanged: usize,
    /// Letters that were not edited, and why.
    pub refused: Vec<Outcome>,
}

/// Tries a repair on letters without storing it.
///
/// # Errors
/// Any database error.
pub async fn preview(
    db: &PgPool,
    ids: &[Uuid],
    wanted: &Repair,
    consumers: &dyn Consumers,
) -> Result<Preview, sqlx::Error> {
    let mut preview = Preview::default();
    for chunk in ids.chunks(100) {
        let mut connection = db.acquire().await?;
        let letters = store::whole(&mut connection, chunk).await?;
        drop(connection);
        for id in chunk.iter().filter(|id| letters.iter().all(|letter| letter.summary.id != **id)) {
            preview.refused.push(refused(*id, &Unrepairable::NotFree(*id)));
        }
        for letter in letters {
            let id = letter.summary.id;
            match try_out(db, letter, wanted, consumers).await.and_then(super::repair::Tried::readable) {
                Ok(tried) if tried.changes_nothing() => preview.unchanged += 1,
                Ok(tried) => {
                    preview.changed += 1;
                    *preview.if_replayed_then.entry(tried.verdict.code().to_owned()).or_default() += 1;
                    if preview.first.len() < SHOWN {
                        preview.first.push(shown(id, &tried.changes, tried.verdict));
                    }
                }
                Err(Unrepairable::Database(error)) => return Err(error),
                Err(error) => preview.refused.push(refused(id, &error)),
            }
        }
    }
    Ok(preview)
}

/// Stores a repair wherever its consumer can read the result; each letter by itself, so that what is done is done.
///
/// # Errors
/// Any database error.
pub async fn repair_many(
    db: &PgPool,
    actor: &Actor,
    ids: &[Uuid],
    wanted: &Repair,
    reason: &str,
    consumers: &dyn Consumers,
) -> Result<Repaired, sqlx::Error> {
    let mut done = Repaired::default();
    for id in ids {
        match repair(db, actor, *id, wanted, reason, consumers).await {
            Ok(tried) if tried.changes_nothing() => done.unchanged += 1,
            Ok(_) => done.edited += 1,
            Err(Unrepairable::Database(error)) => return Err(error),
            Err(error) => done.refused.push(refused(*id, &error)),
        }
    }
    Ok(done)
}

fn shown(id: Uuid, changes: &json_patch::Patch, verdict: Verdict) -> Shown {
    let mut changes = serde_json::to_value(changes).unwrap_or_default();
    for change in changes.as_array_mut().into_iter().flatten() {
        // the value of a field is masked by the field's name, which stands in the path
        let name = change.get("path").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
        let Some(name) = name.map(str::to_owned) else { continue };
        if let Some(value) = change.get_mut("value") {
            let mut field = serde_json::json!({ name.as_str(): value.take() });
            mask_json(&mut field);
            *value = field[name.as_str()].take();
        }
    }
    Shown { id, changes, if_replayed_then: verdict.masked() }
}

fn refused(id: Uuid, why: &Unrepairable) -> Outcome {
    Outcome { id, done: false, detail: mask_text(&why.to_string()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_shown_of_a_change_holds_no_personal_data() {
        let patch = serde_json::from_value(json!([
            {"op": "replace", "path": "/email", "value": "ada@shop.example"},
            {"op": "replace", "path": "/contact/phone", "value": "0301234567"},
            {"op": "add", "path": "/items/0", "value": {"sku": "A", "email": "bob@shop.example"}},
            {"op": "remove", "path": "/note"}
        ]))
        .expect("a patch");
        let shown = shown(Uuid::nil(), &patch, Verdict::Unknown { why: "ada@shop.example".to_owned() });
        let text = serde_json::to_string(&shown).expect("JSON");
        for hidden in ["ada@", "bob@", "0301234567"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
        assert!(text.contains("\"sku\":\"A\"") && text.contains("\"remove\""), "{text}");
    }
}
