//! Repairs: a letter's body is changed by JSON Patch (RFC 6902) and tried on its consumer before it is stored. Its id stays, so the
//! inbox still sees one message; what it was is kept.

use json_patch::{Patch, PatchOperation, diff, patch};
use serde_json::Value;
use sqlx::{Connection, PgPool};
use uuid::Uuid;

use super::consumers::{Consumers, Verdict};
use crate::access::Actor;
use crate::store::audit_log::{self, Deed};
use crate::store::dead_letters::{self as store, DeadLetter};

/// How a letter is to be changed.
#[derive(Clone, Debug)]
pub enum Repair {
    Patch(Patch),
    /// The whole new body.
    Body(Value),
}

#[derive(Debug, thiserror::Error)]
pub enum Unrepairable {
    #[error("there is no dead letter {0} that waits for an operator")]
    NotFree(Uuid),
    #[error("its body is no JSON")]
    NotJson,
    #[error("the patch does not fit: {0}")]
    Misfit(#[from] json_patch::PatchError),
    #[error("its consumer could still not read it: {0}")]
    StillUnreadable(String),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// A repair that was tried.
pub struct Tried {
    pub letter: DeadLetter,
    pub after: Value,
    /// From what it was to what it is; empty: nothing changes.
    pub changes: Patch,
    /// What would happen if it were replayed then.
    pub verdict: Verdict,
}

impl Tried {
    pub fn changes_nothing(&self) -> bool {
        self.changes.0.is_empty()
    }

    /// Itself, if its consumer can read what it became.
    ///
    /// # Errors
    /// [`Unrepairable::StillUnreadable`].
    pub fn readable(self) -> Result<Self, Unrepairable> {
        match &self.verdict {
            Verdict::Fail { error, is_unreadable: true } => Err(Unrepairable::StillUnreadable(error.clone())),
            Verdict::Fail { .. } | Verdict::Apply { .. } | Verdict::Skip { .. } | Verdict::Unknown { .. } => Ok(self),
        }
    }
}

/// A patch from `--set path=value`: the path is a JSON pointer, or names separated by dots; the value is JSON, or else a text.
///
/// # Errors
/// In words.
pub fn set(text: &str) -> Result<PatchOperation, String> {
    let (path, value) = text.split_once('=').ok_or("must be path=value, as in /items/0/sku=GADGET-01")?;
    let pointer = match path.starts_with('/') {
        true => path.to_owned(),
        false => path.split('.').map(|name| format!("/{name}")).collect(),
    };
    let value: Value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    // "add" replaces what is there, and makes what is not
    let operation = serde_json::json!({"op": "add", "path": pointer, "value": value});
    serde_json::from_value(operation).map_err(|error| error.to_string())
}

/// Tries a repair without storing it.
///
/// # Errors
/// Why it cannot be repaired so.
pub async fn try_out(
    db: &PgPool,
    letter: DeadLetter,
    repair: &Repair,
    consumers: &dyn Consumers,
) -> Result<Tried, Unrepairable> {
    let before: Option<Value> = serde_json::from_slice(&letter.payload).ok();
    let after = match (repair, &before) {
        (Repair::Body(after), _) => after.clone(),
        (Repair::Patch(_), None) => return Err(Unrepairable::NotJson),
        (Repair::Patch(changes), Some(before)) => {
            let mut after = before.clone();
            patch_in_place(&mut after, changes)?;
            after
        }
    };
    let changes = diff(&before.unwrap_or(Value::Null), &after);
    let repaired = DeadLetter { payload: after.to_string().into_bytes(), ..letter.clone() };
    let verdict = consumers.rehearse(db, repaired).await;
    Ok(Tried { letter, after, changes, verdict })
}

fn patch_in_place(value: &mut Value, changes: &Patch) -> Result<(), json_patch::PatchError> {
    // Replacing a number in a list by "add" would insert it; "set" means the place itself.
    let replaced: Vec<PatchOperation> = changes
        .0
        .iter()
        .map(|operation| match operation {
            PatchOperation::Add(add) if value.pointer(add.path.as_str()).is_some() => {
                PatchOperation::Replace(json_patch::ReplaceOperation {
                    path: add.path.clone(),
                    value: add.value.clone(),
                })
            }
            other => other.clone(),
        })
        .collect();
    patch(value, &replaced)
}

/// Stores a repair that its consumer can read.
///
/// # Errors
/// Why it cannot be repaired so.
pub async fn repair(
    db: &PgPool,
    actor: &Actor,
    id: Uuid,
    repair: &Repair,
    reason: &str,
    consumers: &dyn Consumers,
) -> Result<Tried, Unrepairable> {
    let mut connection = db.acquire().await?;
    let mut tx = connection.begin().await?;
    let letter = store::lock(&mut tx, id).await?.ok_or(Unrepairable::NotFree(id))?;
    let tried = try_out(db, letter, repair, consumers).await?.readable()?;
    if !tried.changes_nothing() {
        let changes = serde_json::to_value(&tried.changes).unwrap_or_default();
        let by = actor.to_string();
        store::edit(&mut tx, id, tried.after.to_string().as_bytes(), &changes, &by, reason).await?;
        let target = format!("dead-letter:{id}");
        // where, not what: the values may be personal data, and the log is never erased
        let paths: Vec<Value> = tried.changes.0.iter().map(|one| one.path().to_string().into()).collect();
        let after = serde_json::json!({"changed": paths});
        let deed = Deed {
            actor,
            action: "dead_letter.edit",
            target: &target,
            reason: Some(reason),
            before: None,
            after: Some(&after),
            correlation_id: None,
        };
        audit_log::append(&mut tx, &deed).await?;
    }
    tx.commit().await?;
    Ok(tried)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changed(mut value: Value, sets: &[&str]) -> Value {
        let operations = sets.iter().map(|text| set(text).expect("a path and a value")).collect();
        patch_in_place(&mut value, &Patch(operations)).expect("fits");
        value
    }

    #[test]
    fn a_value_is_set_by_pointer_or_by_name_as_json_or_as_text() {
        let order = json!({"email": "x", "items": [{"sku": "A", "quantity": 1}]});
        assert_eq!(
            changed(order.clone(), &["/items/0/sku=B-1", "email=ada@shop.example", "items.0.quantity=2", "note=null"]),
            json!({"email": "ada@shop.example", "items": [{"sku": "B-1", "quantity": 2}], "note": null})
        );
        assert_eq!(changed(json!([1, 2]), &["/0=9"]), json!([9, 2]));
        assert!(set("no path").is_err());
    }

    #[test]
    fn a_patch_that_does_not_fit_changes_nothing() {
        let mut value = json!({"a": 1});
        let wrong: Patch = serde_json::from_value(
            json!([{"op": "replace", "path": "/a", "value": 2}, {"op": "remove", "path": "/b"}]),
        )
        .expect("a patch");
        assert!(patch_in_place(&mut value, &wrong).is_err());
        assert_eq!(value, json!({"a": 1}));
    }
}
