//! Finding orders: pages of those that a filter lets through, newest first, and the two tables beside the orders that make it
//! possible among millions. Written with each new order (`orders`), and when an order is shipped.
//!
//! Every filter has an index that yields its orders newest first (status, customer, product) or few of them (words); together with
//! others the planner takes the one that promises the fewest rows.

use std::collections::BTreeSet;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use super::order_row::read_order;
use crate::domain::{CustomerId, Order, OrderId, OrderStatus, Sku};

/// Most words that one order is found by: metadata may hold a novel.
const MAX_WORDS: usize = 64;
/// Longest word that is told apart, in characters.
const MAX_WORD: usize = 64;

/// Which orders are wanted; every part that is there must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    pub status: Option<OrderStatus>,
    pub customer_id: Option<CustomerId>,
    /// Orders with a line of this product.
    pub sku: Option<Sku>,
    /// Created then or later.
    pub from: Option<OffsetDateTime>,
    /// Created before.
    pub to: Option<OffsetDateTime>,
    pub text: Option<Text>,
}

/// What somebody typed to find an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// The order's id.
    Id(OrderId),
    /// Beginnings of words, all of which the order must have.
    Words(Vec<String>),
}

/// The text has nothing to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have a letter or a digit, and at most {MAX_WORDS} words")]
pub struct NoWords;

impl std::str::FromStr for Text {
    type Err = NoWords;

    fn from_str(text: &str) -> Result<Self, NoWords> {
        if let Ok(id) = Uuid::parse_str(text.trim()) {
            return Ok(Self::Id(OrderId(id)));
        }
        let words: BTreeSet<String> = split(text).collect();
        if words.is_empty() || words.len() > MAX_WORDS {
            Err(NoWords)
        } else {
            Ok(Self::Words(words.into_iter().collect()))
        }
    }
}

/// Where a page of orders ends: the next one continues below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderPosition {
    pub created_at: OffsetDateTime,
    pub id: OrderId,
}

impl OrderPosition {
    /// Above every order: the last moment that the date type can write.
    pub const NEWEST: Self = Self { created_at: datetime!(9999-12-31 23:59:59 UTC), id: OrderId(Uuid::max()) };

    pub fn of(order: &Order) -> Self {
        Self { created_at: order.created_at, id: order.id }
    }
}

/// At most `limit` orders below `position`, newest first.
///
/// # Errors
/// When the database is away, or a stored value breaks the rule of its type.
pub async fn page(
    conn: &mut PgConnection,
    filter: &OrderFilter,
    position: OrderPosition,
    limit: i64,
) -> Result<Vec<Order>, sqlx::Error> {
    statement(filter, position, limit).build().try_map(|row: PgRow| read_order(&row)).fetch_all(conn).await
}

/// The statement behind [`page`]: one per combination of filters, never "or $1 is null", which no index can follow.
pub fn statement(filter: &OrderFilter, position: OrderPosition, limit: i64) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(
        "select o.id, o.customer_id, o.email, o.phone, o.items, o.total, o.status, o.reason, null as payment_token, o.metadata, \
                o.created_at, o.priority, o.confirmed_at, o.shipment, o.delivered_at \
         from orders o",
    );
    if filter.sku.is_some() {
        // joined by the whole key, so that either table may lead and both yield the order of the page
        sql.push(" join order_skus s on s.order_id = o.id and s.created_at = o.created_at");
    }
    if let Some(Text::Words(_)) = filter.text {
        sql.push(" join order_words w on w.order_id = o.id");
    }
    sql.push(" where (o.created_at, o.id) < (").push_bind(position.created_at);
    sql.push(", ").push_bind(position.id.0).push(")");
    if let Some(sku) = &filter.sku {
        sql.push(" and s.sku = ").push_bind(sku.as_str().to_owned());
        sql.push(" and (s.created_at, s.order_id) < (").push_bind(position.created_at);
        sql.push(", ").push_bind(position.id.0).push(")");
    }
    let tables: &[&str] = if filter.sku.is_some() { &["o", "s"] } else { &["o"] };
    for table in tables {
        if let Some(from) = filter.from {
            sql.push(" and ").push(table).push(".created_at >= ").push_bind(from);
        }
        if let Some(to) = filter.to {
            sql.push(" and ").push(table).push(".created_at < ").push_bind(to);
        }
    }
    if let Some(status) = filter.status {
        sql.push(" and o.listed_as = ")
            .push_bind(listed_as(status))
            .push(" and o.status = ")
            .push_bind(status.as_str());
    }
    if let Some(customer) = &filter.customer_id {
        sql.push(" and o.customer_id = ").push_bind(customer.as_str().to_owned());
    }
    match &filter.text {
        Some(Text::Id(id)) => {
            sql.push(" and o.id = ").push_bind(id.0);
        }
        Some(Text::Words(words)) => {
            sql.push(" and w.words @@ ").push_bind(question(words)).push("::tsquery");
        }
        None => {}
    }
    sql.push(" order by o.created_at desc, o.id desc limit ").push_bind(limit);
    sql
}

/// What the index calls a status: pending and processing are one to it, so that an order goes from the one to the other in place.
fn listed_as(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Pending | OrderStatus::Processing => "open",
        OrderStatus::Confirmed
        | OrderStatus::Shipped
        | OrderStatus::Delivered
        | OrderStatus::Failed
        | OrderStatus::Cancelled => status.as_str(),
    }
}

/// Words consist of letters and digits, so none can leave its quotes.
fn question(words: &[String]) -> String {
    words.iter().map(|word| format!("'{word}':*")).collect::<Vec<_>>().join(" & ")
}

/// Lets an order also be found by the words of `text`: its tracking number, a note.
///
/// # Errors
/// When the database is away.
pub async fn add_words(conn: &mut PgConnection, order: OrderId, text: &str) -> Result<(), sqlx::Error> {
    let words: BTreeSet<String> = split(text).take(MAX_WORDS).collect();
    sqlx::query(
        "insert into order_words as known (order_id, words) values ($1, array_to_tsvector($2::text[]))
         on conflict (order_id) do update set words = known.words || excluded.words",
    )
    .bind(order.0)
    .bind(words.into_iter().collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Moves the words of new orders from the index's list of what is new, which every search reads through, to their places in it.
///
/// # Errors
/// When the database is away, or the index belongs to another user.
pub async fn merge_new_words(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("select gin_clean_pending_list('order_words_by_word')").execute(conn).await.map(drop)
}

/// Who ordered, how to reach them, and what the shop itself calls the order in its metadata; separated by spaces.
pub(super) fn words(order: &Order) -> String {
    let contact =
        [order.customer_id.as_str(), order.email.as_str(), order.phone.as_ref().map_or("", |phone| phone.as_str())];
    let own = order.metadata.iter().flatten().filter_map(|(_, value)| value.as_str());
    let words: BTreeSet<String> = contact.into_iter().chain(own).flat_map(split).take(MAX_WORDS).collect();
    words.into_iter().collect::<Vec<_>>().join(" ")
}

/// In small letters, without what stands between words.
fn split(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(MAX_WORD).flat_map(char::to_lowercase).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_an_id_or_words_or_nothing() {
        let id = OrderId::mint();
        assert_eq!(format!(" {id} ").parse(), Ok(Text::Id(id)));
        let words = |text: &str| text.parse::<Text>();
        assert_eq!(words("Ada@Shop, ada"), Ok(Text::Words(vec!["ada".into(), "shop".into()])));
        assert_eq!(words("Müller"), Ok(Text::Words(vec!["müller".into()])));
        assert_eq!(words(" -'@ "), Err(NoWords));
    }

    #[test]
    fn whatever_is_typed_stays_within_the_quotes() {
        let Ok(Text::Words(words)) = "o'neill & (x | !y):* \\".parse() else { panic!("words") };
        assert_eq!(question(&words), "'neill':* & 'o':* & 'x':* & 'y':*");
    }
}
