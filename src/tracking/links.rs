//! The links by which customers follow an order without a login: derived from the order's id, never stored.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use reqwest::Url;
use sqlx::PgPool;

use super::token::Keys;
use crate::domain::OrderId;
use crate::store::tracking;

/// How long keys are used before they are read again: so long a new one is not used, a deleted one not refused.
const FRESH: Duration = Duration::from_secs(60);

/// Makes links and reads them. All clones share the keys.
#[derive(Clone, Debug)]
pub struct Links {
    db: PgPool,
    /// Where the API is for customers.
    public_url: Option<Url>,
    keys: Arc<RwLock<Option<(Instant, Keys)>>>,
}

impl Links {
    pub fn new(db: PgPool, public_url: Option<Url>) -> Self {
        Self { db, public_url, keys: Arc::default() }
    }

    /// Where the order can be followed; a path while nobody has said where the API is for customers.
    ///
    /// # Errors
    /// When the keys were never read and the database is away.
    pub async fn link(&self, order: OrderId) -> Result<String, sqlx::Error> {
        let path = self.path(order).await?;
        Ok(match &self.public_url {
            Some(base) => below(base, &path),
            None => path,
        })
    }

    /// The same for those who read it elsewhere: `None` while nobody has said where the API is.
    ///
    /// # Errors
    /// As [`Self::link`].
    pub async fn absolute(&self, order: OrderId) -> Result<Option<String>, sqlx::Error> {
        match &self.public_url {
            Some(base) => Ok(Some(below(base, &self.path(order).await?))),
            None => Ok(None),
        }
    }

    /// The order that a token belongs to; `None` for whatever is not one of ours.
    ///
    /// # Errors
    /// As [`Self::link`].
    pub async fn order(&self, token: &str) -> Result<Option<OrderId>, sqlx::Error> {
        Ok(self.keys().await?.open(token))
    }

    async fn path(&self, order: OrderId) -> Result<String, sqlx::Error> {
        let token = self.keys().await?.token(order).ok_or(sqlx::Error::RowNotFound)?;
        Ok(format!("/track/{token}"))
    }

    async fn keys(&self) -> Result<Keys, sqlx::Error> {
        let known = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((read_at, keys)) = &known
            && read_at.elapsed() < FRESH
        {
            return Ok(keys.clone());
        }
        // boxed: it is large, seldom needed, and part of every mail and every answer on its way
        match (Box::pin(self.read()).await, known) {
            (Ok(keys), _) => {
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), keys.clone()));
                Ok(keys)
            }
            // better than none
            (Err(_), Some((_, keys))) => Ok(keys),
            (Err(error), None) => Err(error),
        }
    }

    async fn read(&self) -> Result<Keys, sqlx::Error> {
        let mut conn = self.db.acquire().await?;
        Ok(Keys::new(tracking::keys(&mut conn).await?))
    }
}

/// The path below an address that may have a path of its own.
fn below(base: &Url, path: &str) -> String {
    format!("{}{path}", base.as_str().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_path() {
        for (base, expected) in [
            ("https://shop.example", "https://shop.example/track/x"),
            ("https://shop.example/orders/", "https://shop.example/orders/track/x"),
        ] {
            assert_eq!(below(&base.parse().expect("an address"), "/track/x"), expected);
        }
    }
}
