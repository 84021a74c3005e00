//! Looks at the running fleet: its metrics, which a killed process takes with it unless they were read before, and processes that
//! end by themselves. Run by [`super::run`].

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use tokio::time::timeout;

use super::fleet::Fleet;
use super::injector::Injector;

/// A database that is away must not hold up the line.
const LOOK: Duration = Duration::from_millis(700);

/// Messages by outcome.
type Outcomes = HashMap<String, u64>;

/// The last reading of every life of every process: outcome of messages and their number.
#[derive(Default)]
pub struct Readings(Mutex<HashMap<(&'static str, u32), Outcomes>>);

impl Readings {
    /// Messages by outcome over all processes and their lives, as far as they could be read.
    pub fn outcomes(&self) -> BTreeMap<String, u64> {
        let readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sums = BTreeMap::new();
        for (outcome, count) in readings.values().flatten() {
            *sums.entry(outcome.clone()).or_default() += count;
        }
        sums
    }

    /// Reads the metrics of every process that answers.
    pub async fn take(&self, fleet: &Fleet) {
        for unit in &fleet.units {
            let Ok(life) = unit.process.try_lock().map(|process| process.life) else { continue };
            let asked = fleet.http.get(format!("{}/metrics", unit.metrics)).timeout(LOOK).send().await;
            let Ok(answer) = asked else { continue };
            let Ok(text) = answer.text().await else { continue };
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((unit.name, life), outcomes(&text));
        }
    }
}

/// `fleet_messages_total` by its label `outcome`.
fn outcomes(text: &str) -> Outcomes {
    let mut sums = Outcomes::new();
    for line in text.lines().filter(|line| line.starts_with("fleet_messages_total{")) {
        let outcome =
            line.split_once("outcome=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(outcome, _)| outcome);
        let count = line.rsplit_once(' ').and_then(|(_, number)| number.parse::<u64>().ok());
        if let (Some(outcome), Some(count)) = (outcome, count) {
            *sums.entry(outcome.to_owned()).or_default() += count;
        }
    }
    sums
}

/// Starts processes again that have ended by themselves, which none may.
pub async fn revive(fleet: &Fleet, injector: &Injector) {
    for unit in &fleet.units {
        let Ok(mut process) = unit.process.try_lock() else { continue };
        if let Some(status) = process.ended() {
            injector.log.complain(format!("{} ended by itself with {status}", unit.name));
            if let Err(error) = process.start(&[]) {
                injector.log.complain(format!("{error:#}"));
            }
        }
    }
}

/// How the orders stand, in a few words.
pub async fn orders(db: &PgPool) -> String {
    let query =
        sqlx::query_as::<_, (String, i64)>("select status, count(*) from orders group by status order by status");
    match timeout(LOOK, query.fetch_all(db)).await {
        Ok(Ok(rows)) => rows.iter().map(|(status, count)| format!("{status} {count}")).collect::<Vec<_>>().join(", "),
        Ok(Err(_)) | Err(_) => "the database does not answer".to_owned(),
    }
}

/// Prints a line per second until dropped.
pub async fn report(injector: Arc<Injector>, readings: Arc<Readings>, say: fn(&str)) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        revive(&injector.fleet, &injector).await;
        let (orders, ()) = tokio::join!(orders(&injector.db), readings.take(&injector.fleet));
        let (book, active) = (&injector.load.book, injector.log.active());
        let trouble = if active.is_empty() { String::new() } else { format!(" | {}", active.join("; ")) };
        say(&format!("accepted {}, clients waiting {} | {orders}{trouble}", book.count(), book.waiting()));
    }
}

#[cfg(test)]
mod tests {
    use super::outcomes;

    #[test]
    fn messages_are_summed_by_outcome() {
        let text = "fleet_messages_total{consumer=\"a\",outcome=\"duplicate\"} 2\n\
                    fleet_messages_total{consumer=\"b\",outcome=\"duplicate\"} 3\nother{outcome=\"duplicate\"} 9\n";
        assert_eq!(outcomes(text).get("duplicate"), Some(&5));
    }
}
