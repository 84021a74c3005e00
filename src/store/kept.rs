//! A connection that is kept between transactions. The pool asks the server for a sign of life whenever a connection is taken and whenever
//! it is given back; for somebody who writes one transaction after the other these two round trips are a fourth of all.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};

/// One user's place for a connection. Two who ask at the same time get two connections, and one of them is kept.
#[derive(Debug)]
pub struct KeptConnection {
    pool: PgPool,
    kept: Mutex<Option<PoolConnection<Postgres>>>,
}

impl KeptConnection {
    pub fn of(pool: PgPool) -> Self {
        Self { pool, kept: Mutex::new(None) }
    }

    /// The kept connection, or one of the pool.
    ///
    /// # Errors
    /// When the pool has none in time.
    pub async fn take(&self) -> Result<TakenConnection<'_>, sqlx::Error> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        let connection = match kept {
            Some(connection) => connection,
            None => self.pool.acquire().await?,
        };
        Ok(TakenConnection { connection, from: self })
    }
}

/// A connection that goes back to the pool, which looks at it first, unless its user says that it is in order.
#[derive(Debug)]
pub struct TakenConnection<'a> {
    connection: PoolConnection<Postgres>,
    from: &'a KeptConnection,
}

impl TakenConnection<'_> {
    /// No transaction is open and the last statement succeeded. It is kept only while the pool has another one to give: however small the
    /// pool, one goes round among those who keep none.
    pub fn keep(self) {
        let pool = &self.from.pool;
        if pool.num_idle() == 0 && pool.size() >= pool.options().get_max_connections() {
            return;
        }
        *self.from.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.connection);
    }
}

impl Deref for TakenConnection<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for TakenConnection<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
