//! How many dead letters there are of each order, customer, product, type, consumer or reason.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::query::Filter;

/// What is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeadLettersBy)]
pub enum CountedBy {
    Order,
    Customer,
    Sku,
    /// The message's type.
    Kind,
    /// The queue whose consumer failed.
    Queue,
    Reason,
}

impl CountedBy {
    const ALL: [Self; 6] = [Self::Order, Self::Customer, Self::Sku, Self::Kind, Self::Queue, Self::Reason];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Customer => "customer",
            Self::Sku => "sku",
            Self::Kind => "kind",
            Self::Queue => "queue",
            Self::Reason => "reason",
        }
    }

    fn column(self) -> &'static str {
        match self {
            Self::Order => "d.order_id::text",
            Self::Customer => "d.customer_id",
            Self::Sku => "sku",
            Self::Kind => "d.kind",
            Self::Queue => "d.queue",
            Self::Reason => "d.reason",
        }
    }
}

impl fmt::Display for CountedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of order, customer, sku, kind, queue, reason; got {0:?}")]
pub struct UnknownCountedBy(String);

impl FromStr for CountedBy {
    type Err = UnknownCountedBy;

    fn from_str(text: &str) -> Result<Self, UnknownCountedBy> {
        Self::ALL.into_iter().find(|by| by.as_str() == text).ok_or_else(|| UnknownCountedBy(text.to_owned()))
    }
}

/// The letters of one order, customer, …
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DeadLetterCount)]
pub struct Count {
    /// Which one.
    pub key: String,
    pub letters: i64,
    /// Of how many causes.
    pub groups: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub first_failed_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub last_failed_at: OffsetDateTime,
}

/// The most letters first. A letter of several products counts for each; one that has no key is left out.
///
/// # Errors
/// Any database error.
pub async fn counts(
    db: &mut PgConnection,
    filter: &Filter,
    by: CountedBy,
    limit: i64,
) -> Result<Vec<Count>, sqlx::Error> {
    let mut query = QueryBuilder::new("select ");
    query.push(by.column()).push(
        " as key, count(*) as letters, count(distinct d.group_id) as groups,
             min(d.first_failed_at) as first_failed_at, max(d.last_failed_at) as last_failed_at
         from dead_letters d",
    );
    if by == CountedBy::Sku {
        query.push(" cross join lateral unnest(d.skus) as sku");
    }
    query.push(" where ").push(by.column()).push(" is not null and");
    filter.conditions(&mut query);
    query.push(" group by 1 order by letters desc, last_failed_at desc, key limit ").push_bind(limit);
    let found = query.build().try_map(|row: PgRow| {
        Ok(Count {
            key: row.try_get("key")?,
            letters: row.try_get("letters")?,
            groups: row.try_get("groups")?,
            first_failed_at: row.try_get("first_failed_at")?,
            last_failed_at: row.try_get("last_failed_at")?,
        })
    });
    found.fetch_all(db).await
}
