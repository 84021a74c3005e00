//! The webhook-service: delivers events to partners' endpoints (`webhook_deliveries`), at least once and in no promised order. Each
//! call is logged in the transaction that decides what becomes of it. A failed one goes up the ladder; while an endpoint is down its
//! deliveries wait there without spending attempts, and the others are not concerned.

pub mod fan_out;
mod lanes;
mod payload;
mod turns;

use std::collections::{BTreeMap, HashSet};

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::contract::signature::Secret;
use crate::contract::webhook::{Deliver, WebhookDisabled};
use crate::contract::{Outgoing, headers};
use crate::domain::webhook::{DISABLED, DeliveryState, EndpointState, PING};
use crate::messaging::{Delivery, Failure, Handler, Incoming, Outcome, Source};
use crate::ports::webhooks::{Attempt, EndpointUrl, Shipment, Vault, WebhookSender};
use crate::store::webhook_deliveries::{self as store, Assignment, Call, GivenUp, Patience};
use crate::telemetry::metrics;
use crate::topology::{WorkQueue, names};
use lanes::Lanes;
use turns::Turns;

/// The rung on which deliveries wait whose secret cannot be read: until an operator has mended the settings.
const FOR_AN_OPERATOR: usize = 1;
/// "Gone": the endpoint wants no more (RFC 9110, 15.5.11; Standard Webhooks).
const GONE: u16 = 410;

pub struct WebhookService {
    sender: WebhookSender,
    vault: Vault,
    patience: Patience,
    lanes: Lanes,
    turns: Turns,
}

/// What came of a delivery.
pub enum Ending {
    /// Its endpoint was deleted.
    Vanished,
    /// It has succeeded before, by another message.
    Repeated,
    /// The endpoint was paused or disabled meanwhile.
    Held,
    Called {
        endpoint: Uuid,
        is_ping: bool,
        attempt: Attempt,
        /// The endpoint is down as a whole: the delivery waits on this rung, and nothing is held against it.
        is_down: Option<usize>,
    },
}

impl WebhookService {
    pub fn new(sender: WebhookSender, vault: Vault, patience: Patience) -> Self {
        Self { sender, vault, patience, lanes: Lanes::default(), turns: Turns::default() }
    }

    fn secrets(&self, assignment: &Assignment) -> Result<Vec<Secret>, Failure> {
        let opened: Result<Vec<Secret>, _> =
            assignment.secrets.iter().map(|sealed| self.vault.open(assignment.endpoint, sealed)).collect();
        opened.map_err(|error| {
            tracing::error!(endpoint_id = %assignment.endpoint, %error, "webhooks cannot be signed, they wait");
            Failure::NotNow { rung: FOR_AN_OPERATOR, why: error.to_string() }
        })
    }

    /// Calls, unless another copy of the message does: it comes again, and finds out what the other one did.
    async fn call_alone(&self, message: &Deliver, assignment: &Assignment) -> Result<Ending, Failure> {
        let Some(turn) = self.turns.take(message.delivery_id, message.forced) else {
            let why = "another copy of the message is being delivered".to_owned();
            return Err(Failure::NotNow { rung: 0, why });
        };
        let ending = self.call(message, assignment).await?;
        if let Ending::Called { attempt, .. } = &ending
            && attempt.succeeded()
        {
            turn.delivered();
        }
        Ok(ending)
    }

    async fn call(&self, message: &Deliver, assignment: &Assignment) -> Result<Ending, Failure> {
        let endpoint = assignment.endpoint;
        let secrets = self.secrets(assignment)?;
        let body = payload::body(assignment)?;
        let lane = self.lanes.enter(endpoint, message.forced).await;
        let lane = lane.map_err(|busy| Failure::NotNow { rung: busy.rung, why: busy.why })?;
        let attempt = match EndpointUrl::parse(&assignment.url, self.sender.rules()) {
            Ok(url) => self.sender.send(Shipment { url: &url, id: assignment.event_id, body, secrets: &secrets }).await,
            // registered when other addresses were allowed
            Err(error) => refused(format!("the endpoint's address {error}")),
        };
        let result = if attempt.succeeded() { "delivered" } else { "failed" };
        metrics().webhook_attempts.with_label_values(&[result]).inc();
        let is_down = lane.leave(attempt.succeeded());
        Ok(Ending::Called { endpoint, is_ping: assignment.event_type == PING, attempt, is_down })
    }
}

fn refused(why: String) -> Attempt {
    let (at, duration) = (OffsetDateTime::now_utc(), std::time::Duration::ZERO);
    Attempt { at, duration, status: None, error: Some(why), response: String::new() }
}

impl Handler for WebhookService {
    type Message = Deliver;
    type Context = Option<Assignment>;
    type Fetched = Ending;

    const ROLE: &'static str = "webhook-service";
    const SOURCE: Source = Source::Work(WorkQueue::WebhookDeliveries);
    const CALLS_OUTSIDE: bool = true;
    /// Each endpoint has a breaker of its own; the one around all of them never sees a failure.
    const DEPENDENCY: &'static str = "partners' endpoints";

    fn decode(&self, incoming: &Incoming) -> Result<Deliver, Failure> {
        serde_json::from_slice(&incoming.body)
            .map_err(|error| Failure::BadMessage(format!("the body is no request to deliver a webhook: {error}")))
    }

    async fn look_up(
        &self,
        db: &mut PgConnection,
        messages: &[&Deliver],
    ) -> Result<Vec<Option<Assignment>>, sqlx::Error> {
        let ids: Vec<Uuid> = messages.iter().map(|message| message.delivery_id).collect();
        let found = store::assignments(db, &ids).await?;
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    fn without_call(&self, message: &Deliver, assignment: &Option<Assignment>) -> Option<Ending> {
        let Some(assignment) = assignment else { return Some(Ending::Vanished) };
        match (assignment.state, assignment.endpoint_state) {
            (DeliveryState::Delivered, _) if !message.forced => Some(Ending::Repeated),
            // a ping finds out whether it is worth enabling
            (_, EndpointState::Paused | EndpointState::Disabled) if assignment.event_type != PING => Some(Ending::Held),
            (_, EndpointState::Enabled | EndpointState::Paused | EndpointState::Disabled) => None,
        }
    }

    async fn call_outside(
        &self,
        _: &Incoming,
        message: &Deliver,
        assignment: Option<Assignment>,
    ) -> Result<Ending, Failure> {
        match (self.without_call(message, &assignment), assignment) {
            (Some(ending), _) => Ok(ending),
            (None, Some(assignment)) => self.call_alone(message, &assignment).await,
            (None, None) => Ok(Ending::Vanished),
        }
    }

    async fn apply(&self, db: &mut PgConnection, batch: &[&Delivery<Self>]) -> Result<Vec<Outcome>, sqlx::Error> {
        let results = Results::of(batch);
        store::note_successes(db, &results.succeeded).await?;
        store::note_failures(db, &results.failed).await?;
        let failing: Vec<Uuid> = results.failed.keys().copied().collect();
        let given_up = store::give_up(db, &failing, &results.gone, self.patience).await?;
        let disabled: HashSet<Uuid> = given_up.iter().map(|one| one.endpoint).collect();
        let mut announcements: BTreeMap<Uuid, Outgoing> = BTreeMap::new();
        for one in &given_up {
            announcements.extend(announce(one).map(|message| (one.endpoint, message)));
        }
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut recorded = Vec::with_capacity(batch.len());
        for delivery in batch {
            let (state, outcome) = judge(delivery, &disabled, &mut announcements);
            if let Some(state) = state {
                let call = call(&delivery.fetched);
                recorded.push(store::Outcome { id: delivery.message.delivery_id, state, call });
            }
            outcomes.push(outcome);
        }
        store::record(db, &recorded).await?;
        Ok(outcomes)
    }
}

/// What the endpoints of a batch have shown. Pings are tests: only their success counts.
#[derive(Default)]
struct Results {
    succeeded: Vec<Uuid>,
    failed: BTreeMap<Uuid, i32>,
    gone: Vec<Uuid>,
}

impl Results {
    fn of(batch: &[&Delivery<WebhookService>]) -> Self {
        let mut results = Self::default();
        for delivery in batch {
            let Ending::Called { endpoint, is_ping, attempt, .. } = &delivery.fetched else { continue };
            if attempt.succeeded() {
                results.succeeded.push(*endpoint);
            } else if !is_ping {
                *results.failed.entry(*endpoint).or_default() += 1;
                if attempt.status == Some(GONE) {
                    results.gone.push(*endpoint);
                }
            }
        }
        // one success among them, and it is not failing
        results.failed.retain(|endpoint, _| !results.succeeded.contains(endpoint) || results.gone.contains(endpoint));
        results
    }
}

/// Where the delivery stands now, if that is to be written, and what becomes of its message.
fn judge(
    delivery: &Delivery<WebhookService>,
    disabled: &HashSet<Uuid>,
    announcements: &mut BTreeMap<Uuid, Outgoing>,
) -> (Option<DeliveryState>, Outcome) {
    let done = || Outcome::Done(Vec::new());
    let Ending::Called { endpoint, is_ping, attempt, is_down } = &delivery.fetched else {
        return match delivery.fetched {
            Ending::Held => (Some(DeliveryState::Held), done()),
            Ending::Vanished | Ending::Repeated | Ending::Called { .. } => (None, done()),
        };
    };
    let Some(error) = &attempt.error else {
        tracing::info!(
            endpoint_id = %endpoint, delivery_id = %delivery.message.delivery_id,
            correlation_id = delivery.incoming.correlation_id(), "webhook delivered"
        );
        return (Some(DeliveryState::Delivered), done());
    };
    if *is_ping {
        return (Some(DeliveryState::Failed), done());
    }
    if disabled.contains(endpoint) {
        return (Some(DeliveryState::Held), Outcome::Done(announcements.remove(endpoint).into_iter().collect()));
    }
    if let Some(rung) = *is_down {
        return (Some(DeliveryState::Pending), Outcome::Failed(Failure::NotNow { rung, why: error.clone() }));
    }
    let retries = usize::try_from(delivery.incoming.attempt()).unwrap_or(usize::MAX);
    let state = match retries <= WorkQueue::WebhookDeliveries.rungs() {
        true => DeliveryState::Pending,
        false => DeliveryState::Failed,
    };
    (Some(state), Outcome::Failed(Failure::Transient(error.clone())))
}

fn call(ending: &Ending) -> Option<Call> {
    let Ending::Called { attempt, .. } = ending else { return None };
    Some(Call {
        at: attempt.at,
        duration_ms: i32::try_from(attempt.duration.as_millis()).unwrap_or(i32::MAX),
        status: attempt.status.and_then(|status| i16::try_from(status).ok()),
        error: attempt.error.clone(),
        response: attempt.response.clone(),
    })
}

/// Tells everybody that an endpoint gets nothing more: log, metric, and an event. Log and metric may say it once more when the
/// transaction has to be run again.
fn announce(one: &GivenUp) -> Option<Outgoing> {
    let GivenUp { endpoint, description, reason, failures, failing_since } = one;
    tracing::error!(endpoint_id = %endpoint, description, reason, failures, "endpoint disabled, its webhooks are held back");
    metrics().webhooks_disabled.with_label_values::<&str>(&[]).inc();
    let event = WebhookDisabled {
        endpoint_id: *endpoint,
        description: description.clone(),
        reason: reason.clone(),
        failures: *failures,
        failing_since: *failing_since,
        occurred_at: OffsetDateTime::now_utc(),
    };
    let message = Outgoing::json(Uuid::now_v7(), names::EVENTS, DISABLED, DISABLED, &event);
    message.ok().map(|message| message.header(headers::CAUSATION_ID, endpoint.to_string()))
}

#[cfg(test)]
mod tests;
