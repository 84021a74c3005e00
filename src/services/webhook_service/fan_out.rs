//! Which endpoints are told of an event. The analytics-service asks here, in the transaction in which it records the event.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use sqlx::PgConnection;
use tokio::time::Instant;
use uuid::Uuid;

use crate::contract::Outgoing;
use crate::contract::webhook::Deliver;
use crate::domain::webhook::delivery_id;
use crate::store::webhook_deliveries::{self as store, Planned, Subscription};
use crate::topology::names;

/// How long the list of endpoints is believed: an event may miss one that was enabled so long before.
pub const BELIEVED: Duration = Duration::from_secs(1);

/// The endpoints that are enabled, as they were at most a second ago.
#[derive(Default)]
pub struct FanOut(Mutex<Option<(Instant, Arc<Vec<Subscription>>)>>);

/// An event that has just been recorded.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    pub id: Uuid,
    pub event_type: &'a str,
    /// JSON text.
    pub body: &'a str,
}

#[derive(Default, Deserialize)]
struct About<'a> {
    #[serde(borrow, default)]
    customer_id: Option<Cow<'a, str>>,
}

impl FanOut {
    /// Plans the deliveries of these events; answers the requests to make them, by event.
    ///
    /// # Errors
    /// Any database error.
    pub async fn plan(
        &self,
        db: &mut PgConnection,
        events: &[Event<'_>],
    ) -> Result<HashMap<Uuid, Vec<Outgoing>>, sqlx::Error> {
        let subscriptions = self.subscriptions(db).await?;
        let planned: Vec<Planned<'_>> = events.iter().flat_map(|event| wanted(&subscriptions, *event)).collect();
        if planned.is_empty() {
            return Ok(HashMap::new());
        }
        let new = store::plan(db, &planned).await?;
        let mut requests: HashMap<Uuid, Vec<Outgoing>> = HashMap::new();
        for one in planned.iter().filter(|one| new.contains(&one.id)) {
            let deliver = Deliver { delivery_id: one.id, forced: false };
            let request = deliver.outgoing(one.id, names::WEBHOOK_DELIVERIES);
            let request = request.map_err(|error| sqlx::Error::Encode(error.into()))?;
            requests.entry(one.event_id).or_default().push(request);
        }
        Ok(requests)
    }

    async fn subscriptions(&self, db: &mut PgConnection) -> Result<Arc<Vec<Subscription>>, sqlx::Error> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read_at, known)) = lock().as_ref()
            && read_at.elapsed() < BELIEVED
        {
            return Ok(Arc::clone(known));
        }
        let read = Arc::new(store::subscriptions(db).await?);
        *lock() = Some((Instant::now(), Arc::clone(&read)));
        Ok(read)
    }
}

/// The body is read once at most, and only when some endpoint asks for a customer.
fn wanted<'a>(subscriptions: &[Subscription], event: Event<'a>) -> Vec<Planned<'a>> {
    let about: OnceCell<About<'_>> = OnceCell::new();
    let customer = || about.get_or_init(|| serde_json::from_str(event.body).unwrap_or_default()).customer_id.as_deref();
    let wants = |subscription: &&Subscription| subscription.interest.covers(event.event_type, customer);
    subscriptions
        .iter()
        .filter(wants)
        .map(|Subscription { endpoint, .. }| Planned {
            id: delivery_id(event.id, *endpoint),
            endpoint: *endpoint,
            event_id: event.id,
            event_type: event.event_type,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::CustomerId;
    use crate::domain::webhook::{EventPattern, Interest};

    fn subscription(endpoint: u128, pattern: &str, customer: Option<&str>) -> Subscription {
        let event_types = vec![EventPattern::parse(pattern).expect("a pattern")];
        let customer_id = customer.map(|customer| CustomerId::parse(customer).expect("a customer"));
        Subscription { endpoint: Uuid::from_u128(endpoint), interest: Interest { event_types, customer_id } }
    }

    #[test]
    fn an_event_goes_to_those_who_want_it() {
        let all = [
            subscription(1, "*", None),
            subscription(2, "order.*", Some("c-1")),
            subscription(3, "order.*", Some("c-2")),
            subscription(4, "stock.low", None),
        ];
        let to = |event_type, body| -> Vec<u128> {
            let event = Event { id: Uuid::nil(), event_type, body };
            wanted(&all, event).iter().map(|one| one.endpoint.as_u128()).collect()
        };
        assert_eq!(to("order.created", r#"{"customer_id": "c-1", "id": 7}"#), [1, 2]);
        assert_eq!(to("order.created", r#"{"customer_id": 7}"#), [1]);
        assert_eq!(to("order.created", r#"{"customer_id": "c\u002d2"}"#), [1, 3]);
        assert_eq!(to("stock.low", "{}"), [1, 4]);
    }

    #[test]
    fn the_same_event_for_the_same_endpoint_is_the_same_delivery() {
        let all = [subscription(1, "*", None), subscription(2, "*", None)];
        let ids = |event: u128| -> Vec<Uuid> {
            let event = Event { id: Uuid::from_u128(event), event_type: "order.created", body: "{}" };
            wanted(&all, event).iter().map(|one| one.id).collect()
        };
        assert_eq!(ids(7), ids(7));
        assert!(ids(7)[0] != ids(7)[1] && ids(7)[0] != ids(8)[0]);
    }
}
