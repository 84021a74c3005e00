//! Making and revoking the API keys of programs, each in one transaction with its entry in the audit log. Called by the HTTP API and
//! by `order-api keys`.

use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::access::{Actor, ApiKey};
use crate::store::api_keys::{self, KeyRecord, NewKey, Revoked};
use crate::store::audit_log::{self, Deed};

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the system has no random numbers")]
    Random(#[from] getrandom::Error),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// A new key, which nobody will see again.
///
/// # Errors
/// When the database is away.
pub async fn create(
    conn: &mut PgConnection,
    actor: &Actor,
    new: &NewKey,
    correlation_id: Option<&str>,
) -> Result<(ApiKey, KeyRecord), KeyError> {
    let key = ApiKey::generate()?;
    let mut transaction = conn.begin().await?;
    let record = api_keys::insert(&mut transaction, &key, new, actor).await?;
    let deed = Deed {
        actor,
        action: "api_key.create",
        target: &target(record.id),
        reason: None,
        before: None,
        after: Some(&json!(record)),
        correlation_id,
    };
    audit_log::append(&mut transaction, &deed).await?;
    transaction.commit().await?;
    Ok((key, record))
}

/// From then on nobody gets in with it; one that is in use just now, after ten seconds at the latest. `None`: there is no such key.
///
/// # Errors
/// When the database is away.
pub async fn revoke(
    conn: &mut PgConnection,
    actor: &Actor,
    id: Uuid,
    reason: Option<&str>,
    correlation_id: Option<&str>,
) -> Result<Option<KeyRecord>, sqlx::Error> {
    let mut transaction = conn.begin().await?;
    let record = match api_keys::revoke(&mut transaction, id).await? {
        Revoked::Unknown => return Ok(None),
        Revoked::Before(record) => return Ok(Some(record)),
        Revoked::Now(record) => record,
    };
    let deed = Deed {
        actor,
        action: "api_key.revoke",
        target: &target(id),
        reason,
        before: Some(&json!(KeyRecord { revoked_at: None, ..record.clone() })),
        after: Some(&json!(record)),
        correlation_id,
    };
    audit_log::append(&mut transaction, &deed).await?;
    transaction.commit().await?;
    Ok(Some(record))
}

fn target(id: Uuid) -> String {
    format!("api_key:{id}")
}
