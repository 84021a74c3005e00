//! What people wrote about orders. Called by the HTTP API; nothing is ever changed or removed.

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::order_search;
use crate::domain::OrderId;

/// Who may read a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// The shop's own people.
    Internal,
    /// The customer, too.
    Public,
}

impl Visibility {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Public => "public",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Internal, Self::Public].into_iter().find(|visibility| visibility.as_str() == text)
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Note {
    pub id: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// As in `customer:c-7`.
    pub author: String,
    pub visibility: Visibility,
    pub text: String,
}

/// A note to write.
#[derive(Clone, Copy, Debug)]
pub struct NewNote<'a> {
    pub order_id: OrderId,
    pub author: &'a str,
    pub visibility: Visibility,
    pub text: &'a str,
}

/// Writes a note; the order is found by its words from then on.
///
/// # Errors
/// When the database is away, or there is no such order.
pub async fn add(conn: &mut PgConnection, new: &NewNote<'_>) -> Result<Note, sqlx::Error> {
    let written = sqlx::query(
        "insert into order_notes (order_id, author, visibility, body) values ($1, $2, $3, $4)
         returning id, at, author, visibility, body",
    )
    .bind(new.order_id.0)
    .bind(new.author)
    .bind(new.visibility.as_str())
    .bind(new.text)
    .try_map(|row: PgRow| note(&row))
    .fetch_one(&mut *conn)
    .await?;
    order_search::add_words(conn, new.order_id, new.text).await?;
    Ok(written)
}

/// The notes of an order, oldest first, at most `limit` behind the one with the id `after`.
///
/// # Errors
/// When the database is away.
pub async fn list(
    conn: &mut PgConnection,
    order_id: OrderId,
    internal: bool,
    after: i64,
    limit: i64,
) -> Result<Vec<Note>, sqlx::Error> {
    sqlx::query(
        "select id, at, author, visibility, body from order_notes
         where order_id = $1 and id > $2 and ($3 or visibility = 'public') order by id limit $4",
    )
    .bind(order_id.0)
    .bind(after)
    .bind(internal)
    .bind(limit)
    .try_map(|row: PgRow| note(&row))
    .fetch_all(conn)
    .await
}

fn note(row: &PgRow) -> Result<Note, sqlx::Error> {
    let visibility: &str = row.try_get("visibility")?;
    let visibility = Visibility::parse(visibility)
        .ok_or_else(|| sqlx::Error::Decode(format!("note visibility {visibility}").into()))?;
    Ok(Note {
        id: row.try_get("id")?,
        at: row.try_get("at")?,
        author: row.try_get("author")?,
        visibility,
        text: row.try_get("body")?,
    })
}
