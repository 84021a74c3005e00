//! The watchers of single orders, and their part of the poll.
//!
//! Whoever appends to an order's history holds that order's row lock, so within one order ids grow in the order of commits: what is
//! visible after a position is all there is, and the id alone is enough to resume.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;

use super::pace::Found;
use super::watcher::Watcher;
use crate::domain::OrderId;
use crate::store::tracking;

/// Transitions of one order in one look. Few orders have more in their whole history.
const PAGE: usize = 32;

#[derive(Debug, Default)]
pub(super) struct OrderWatchers(HashMap<OrderId, Vec<Watcher>>);

impl OrderWatchers {
    pub fn add(&mut self, order: OrderId, watcher: Watcher) {
        self.0.entry(order).or_default().push(watcher);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lets go of those who have left, and of those who take nothing. Returns how many of the latter.
    pub fn tidy(&mut self, patience: Duration) -> usize {
        super::poll::tidy(&mut self.0, patience)
    }

    /// Reads what is new for all of them in one statement.
    ///
    /// # Errors
    /// When the database is away; the watchers keep their positions.
    pub async fn look(&mut self, conn: &mut PgConnection) -> Result<Found, sqlx::Error> {
        let position = |watchers: &[Watcher]| watchers.iter().filter(|w| w.has_room()).map(Watcher::position).min();
        let watched: Vec<(OrderId, i64)> =
            self.0.iter().filter_map(|(order, watchers)| Some((*order, position(watchers)?))).collect();
        if watched.is_empty() {
            return Ok(Found::Nothing);
        }
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let mut found: HashMap<OrderId, Vec<_>> = HashMap::new();
        for transition in tracking::of_orders(conn, &watched, limit).await? {
            found.entry(transition.order_id).or_default().push(Arc::new(transition));
        }
        let mut outcome = Found::Nothing;
        for (order, after) in watched {
            let transitions = found.remove(&order).unwrap_or_default();
            let is_all = transitions.len() < PAGE;
            outcome = outcome.max(match (transitions.is_empty(), is_all) {
                (_, false) => Found::More,
                (false, true) => Found::Something,
                (true, true) => Found::Nothing,
            });
            let Some(watchers) = self.0.get_mut(&order) else { continue };
            // those without room when it was read may stand further back
            for watcher in watchers.iter_mut().filter(|watcher| watcher.position() >= after) {
                let took_all = transitions.iter().all(|transition| watcher.offer(transition));
                if took_all && is_all {
                    watcher.reaches(watcher.position());
                }
            }
        }
        Ok(outcome)
    }
}
