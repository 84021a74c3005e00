//! Tables as they are after a year: what the fleet costs then, and whether every question still has its index.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Writes orders number `first` to `last` into the tables, with everything that such orders leave behind. The newest `open` of them have not
/// been worked on. The planner does not know of them yet.
///
/// # Errors
/// When the database is away, or has some of these orders.
pub async fn many_orders(conn: &mut PgConnection, first: u64, last: u64, open: u64) -> Result<(), sqlx::Error> {
    let mut transaction = conn.begin().await?;
    let bounds =
        format!("set local fleet.first = '{first}'; set local fleet.last = '{last}'; set local fleet.open = '{open}'");
    sqlx::raw_sql(AssertSqlSafe(bounds)).execute(&mut *transaction).await?;
    sqlx::raw_sql(include_str!("many_orders.sql")).execute(&mut *transaction).await?;
    transaction.commit().await
}
