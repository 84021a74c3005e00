//! What operators and admins did: appended in the transaction of the deed, never changed. Called by whatever an operator can do, and
//! by those who read the log.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::access::{Actor, Role, UnknownRole};

/// One deed.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    pub actor: &'a Actor,
    /// What was done, as in `stock.adjust`: the thing, then the verb.
    pub action: &'a str,
    /// What it was done to, as in `product:GADGET-01`.
    pub target: &'a str,
    pub reason: Option<&'a str>,
    /// As far as the deed changed it.
    pub before: Option<&'a Value>,
    pub after: Option<&'a Value>,
    pub correlation_id: Option<&'a str>,
}

/// Appends a deed. What customers do is no matter of this log: it stands in the history of their orders.
///
/// The end of the log stays locked until the transaction ends, so this comes last in it.
///
/// # Errors
/// When the database is away.
pub async fn append(conn: &mut PgConnection, deed: &Deed<'_>) -> Result<(), sqlx::Error> {
    if deed.actor.role() == Role::Customer {
        return Ok(());
    }
    sqlx::query(
        "insert into audit_log (actor, role, action, target, reason, before, after, correlation_id) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(deed.actor.to_string())
    .bind(deed.actor.role().as_str())
    .bind(deed.action)
    .bind(deed.target)
    .bind(deed.reason)
    .bind(deed.before)
    .bind(deed.after)
    .bind(deed.correlation_id)
    .execute(conn)
    .await
    .map(drop)
}

/// One entry of the log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct Entry {
    /// 1, 2, 3 and so on, in the order in which it happened.
    pub position: i64,
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: OffsetDateTime,
    /// Who, as in `operator:anna` or `service:shop-1`.
    #[schema(example = "operator:anna")]
    pub actor: String,
    pub role: Role,
    /// What was done.
    #[schema(example = "stock.adjust")]
    pub action: String,
    /// What it was done to.
    #[schema(example = "product:GADGET-01")]
    pub target: String,
    /// Why, if a reason was asked for.
    pub reason: Option<String>,
    /// As far as it was changed.
    #[schema(value_type = Option<Value>)]
    pub before: Option<Box<RawValue>>,
    #[schema(value_type = Option<Value>)]
    pub after: Option<Box<RawValue>>,
    /// The request's, as in its answer and in the log.
    pub correlation_id: Option<String>,
}

/// Which entries are meant.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub actor: Option<String>,
    pub action: Option<String>,
    pub target: Option<String>,
    pub since: Option<OffsetDateTime>,
    pub until: Option<OffsetDateTime>,
}

/// At most `limit` entries after `position`, the oldest first.
///
/// # Errors
/// When the database is away.
pub async fn page(
    conn: &mut PgConnection,
    filter: &Filter,
    position: i64,
    limit: i64,
) -> Result<Vec<Entry>, sqlx::Error> {
    let mut query = QueryBuilder::<Postgres>::new(
        "select position, at, actor, role, action, target, reason, before::text, after::text, correlation_id \
         from audit_log where position > ",
    );
    query.push_bind(position);
    for (column, wanted) in [("actor", &filter.actor), ("action", &filter.action), ("target", &filter.target)] {
        if let Some(wanted) = wanted {
            query.push(format_args!(" and {column} = ")).push_bind(wanted);
        }
    }
    if let Some(since) = filter.since {
        query.push(" and at >= ").push_bind(since);
    }
    if let Some(until) = filter.until {
        query.push(" and at < ").push_bind(until);
    }
    query.push(" order by position limit ").push_bind(limit);
    query.build().try_map(|row: PgRow| read_entry(&row)).fetch_all(conn).await
}

fn read_entry(row: &PgRow) -> Result<Entry, sqlx::Error> {
    let json = |name: &str| -> Result<Option<Box<RawValue>>, sqlx::Error> {
        let text: Option<String> = row.try_get(name)?;
        text.map(RawValue::from_string).transpose().map_err(|error| sqlx::Error::Decode(error.into()))
    };
    let role: &str = row.try_get("role")?;
    Ok(Entry {
        position: row.try_get("position")?,
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        role: role.parse().map_err(|error: UnknownRole| sqlx::Error::Decode(error.into()))?,
        action: row.try_get("action")?,
        target: row.try_get("target")?,
        reason: row.try_get("reason")?,
        before: json("before")?,
        after: json("after")?,
        correlation_id: row.try_get("correlation_id")?,
    })
}
