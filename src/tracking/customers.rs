//! The watchers of a customer's orders, and their part of the poll.
//!
//! Transactions of different orders commit out of the order of their ids, so these watchers follow the decided part of the history
//! ([`Prefix`]): whoever was told of position 12 was told of everything up to 12. Who is up to date gets what is newly decided; who is
//! not, because they came back or were slow, is served from the database up to that same position.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;

use super::pace::Found;
use super::prefix::Prefix;
use super::watcher::Watcher;
use crate::contract::tracking::Transition;
use crate::domain::{CustomerId, OrderId};
use crate::store::tracking;

/// Transitions of the whole fleet in one look.
const PAGE: usize = 500;
/// Transitions of one customer who comes back, in one look; a buffer takes them.
const CATCH_UP: usize = 200;

#[derive(Debug)]
struct CustomerWatcher {
    watcher: Watcher,
    /// It wants what happens from now on: from what is decided when its first heartbeat goes out.
    starts_now: bool,
    /// It has everything up to the decided position.
    is_live: bool,
}

/// Where the reading of the history stands.
#[derive(Debug)]
enum Reading {
    /// Up to `newest` everything is decided once all transactions below `barrier` have ended.
    Starting {
        newest: i64,
        barrier: i64,
    },
    Running(Prefix<Arc<Transition>>),
}

#[derive(Debug, Default)]
pub(super) struct CustomerWatchers {
    watchers: HashMap<CustomerId, Vec<CustomerWatcher>>,
    /// Only while somebody watches.
    reading: Option<Reading>,
}

impl AsRef<Watcher> for CustomerWatcher {
    fn as_ref(&self) -> &Watcher {
        &self.watcher
    }
}

impl CustomerWatchers {
    /// With `starts_now` the watcher's position is set when it is known; else it is where the client has got to.
    pub fn add(&mut self, customer: CustomerId, watcher: Watcher, starts_now: bool) {
        self.watchers.entry(customer).or_default().push(CustomerWatcher { watcher, starts_now, is_live: false });
    }

    pub fn is_empty(&self) -> bool {
        self.watchers.is_empty()
    }

    /// Lets go of those who have left, and of those who take nothing. Returns how many of the latter.
    pub fn tidy(&mut self, patience: Duration) -> usize {
        let stuck = super::poll::tidy(&mut self.watchers, patience);
        if self.watchers.is_empty() {
            self.reading = None;
        }
        stuck
    }

    /// Reads what is new of the whole history, and what those lack who are behind.
    ///
    /// # Errors
    /// When the database is away; the watchers keep their positions, and [`Self::start_again`] must follow.
    pub async fn look(&mut self, conn: &mut PgConnection) -> Result<Found, sqlx::Error> {
        if self.watchers.is_empty() {
            return Ok(Found::Nothing);
        }
        let reading = match self.reading.take() {
            Some(reading) => reading,
            None => {
                let (newest, seen) = tracking::newest(conn).await?;
                Reading::Starting { newest, barrier: seen.xmax }
            }
        };
        let mut prefix = match reading {
            Reading::Running(prefix) => prefix,
            Reading::Starting { newest, barrier } => {
                let (_, seen) = tracking::newest(conn).await?;
                if seen.xmin < barrier {
                    self.reading = Some(Reading::Starting { newest, barrier });
                    return Ok(Found::Something);
                }
                Prefix::after(newest)
            }
        };
        let (transitions, is_all) = advance(conn, &mut prefix).await?;
        let decided = prefix.decided();
        self.reading = Some(Reading::Running(prefix));
        let passed_on = self.pass_on(conn, &transitions, decided).await?;
        let found = passed_on.max(if is_all { Found::Nothing } else { Found::More });
        Ok(found.max(self.catch_up(conn, decided).await?))
    }

    /// After a look that failed or was broken off: what it had read may not have been passed on, but the database has it. Everybody is
    /// served from there.
    pub fn start_again(&mut self) {
        self.reading = None;
        self.watchers.values_mut().flatten().for_each(|one| one.is_live = false);
    }

    /// Gives those who are up to date what is newly decided.
    async fn pass_on(
        &mut self,
        conn: &mut PgConnection,
        transitions: &[Arc<Transition>],
        decided: i64,
    ) -> Result<Found, sqlx::Error> {
        let orders: HashSet<OrderId> = transitions.iter().map(|transition| transition.order_id).collect();
        let mut found = Found::Nothing;
        if !orders.is_empty() {
            let customers: Vec<&CustomerId> = self.watchers.keys().collect();
            let orders: Vec<OrderId> = orders.into_iter().collect();
            let owners: HashMap<OrderId, CustomerId> =
                tracking::owners(conn, &orders, &customers).await?.into_iter().collect();
            for transition in transitions {
                let watchers = owners.get(&transition.order_id).and_then(|owner| self.watchers.get_mut(owner));
                for one in watchers.into_iter().flatten().filter(|one| one.is_live) {
                    one.is_live = one.watcher.offer(transition);
                    found = Found::Something;
                }
            }
        }
        self.watchers.values_mut().flatten().filter(|one| one.is_live).for_each(|one| one.watcher.reaches(decided));
        Ok(found)
    }

    /// Serves those who are behind from the database, up to the decided position.
    async fn catch_up(&mut self, conn: &mut PgConnection, decided: i64) -> Result<Found, sqlx::Error> {
        for one in self.watchers.values_mut().flatten().filter(|one| one.starts_now) {
            (one.starts_now, one.is_live) = (false, true);
            one.watcher.reaches(decided);
        }
        let position = |watchers: &[CustomerWatcher]| {
            let behind = watchers.iter().filter(|one| !one.is_live && one.watcher.has_room());
            behind.map(|one| one.watcher.position()).min()
        };
        let watched: Vec<(&CustomerId, i64)> =
            self.watchers.iter().filter_map(|(customer, all)| Some((customer, position(all)?))).collect();
        if watched.is_empty() {
            return Ok(Found::Nothing);
        }
        let limit = i64::try_from(CATCH_UP).unwrap_or(i64::MAX);
        let mut found: HashMap<CustomerId, Vec<Arc<Transition>>> = HashMap::new();
        for (customer, transition) in tracking::of_customers(conn, &watched, decided, limit).await? {
            found.entry(customer).or_default().push(Arc::new(transition));
        }
        let watched: Vec<(CustomerId, i64)> = watched.into_iter().map(|(who, after)| (who.clone(), after)).collect();
        let mut outcome = Found::Nothing;
        for (customer, after) in watched {
            let transitions = found.remove(&customer).unwrap_or_default();
            let is_all = transitions.len() < CATCH_UP;
            outcome = outcome.max(if is_all { Found::Something } else { Found::More });
            let behind = self.watchers.get_mut(&customer).into_iter().flatten().filter(|one| !one.is_live);
            for one in behind.filter(|one| one.watcher.position() >= after) {
                let took_all = transitions.iter().all(|transition| one.watcher.offer(transition));
                if took_all && is_all {
                    one.is_live = true;
                    one.watcher.reaches(decided);
                }
            }
        }
        Ok(outcome)
    }
}

/// Reads on. Returns what is newly decided, and whether that was all there is.
async fn advance(
    conn: &mut PgConnection,
    prefix: &mut Prefix<Arc<Transition>>,
) -> Result<(Vec<Arc<Transition>>, bool), sqlx::Error> {
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let (found, seen) = tracking::in_ranges(conn, &prefix.ranges(), limit).await?;
    let is_all = found.len() < PAGE;
    let found = found.into_iter().map(|transition| (transition.id, Arc::new(transition))).collect();
    let decided = prefix.advance(found, PAGE, seen);
    Ok((decided.into_iter().map(|(_, transition)| transition).collect(), is_all))
}
