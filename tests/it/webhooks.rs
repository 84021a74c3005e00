//! Outbound webhooks on real parts: events on the broker, a partner's web server that looks at the signatures with the verifier of
//! Standard Webhooks' own authors, and everything in between.

mod api;
mod cli;
mod delivering;
mod down;
mod given_up;
mod killed;
mod resending;
mod ssrf;

use std::collections::BTreeSet;

use order_fleet::services::webhook_service::fan_out::BELIEVED;
use order_fleet::stand_ins::{Call, PartnerServer};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use uuid::Uuid;

use crate::support::amqp::identified;
use crate::support::{Options, Role, Stage, answer, eventually};

/// A fleet that records events and delivers them, and a partner.
struct Scene {
    stage: Stage,
    partner: PartnerServer,
}

/// An endpoint of the partner's that is registered.
#[derive(Clone, Debug)]
struct Endpoint {
    id: String,
    /// Its path at the partner's.
    name: &'static str,
    secret: String,
}

impl Endpoint {
    /// Its own page, and what is below it.
    fn page(&self, below: &str) -> String {
        format!("/api/v1/webhooks/{}{below}", self.id)
    }
}

impl Scene {
    async fn set() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let mut stage = Stage::set(options).await;
        stage.start(&[Role::Analytics, Role::Webhooks]).await;
        Self { stage, partner: PartnerServer::start().await }
    }

    async fn endpoint(&self, name: &'static str, event_types: Value) -> Endpoint {
        self.endpoint_with(name, json!({"url": self.partner.url(name), "event_types": event_types})).await
    }

    async fn endpoint_with(&self, name: &'static str, body: Value) -> Endpoint {
        let (status, created) = answer(self.stage.api.post("/api/v1/webhooks", &body)).await;
        assert_eq!(status, 201, "{created}");
        self.believed().await;
        let text = |field: &str| created[field].as_str().expect("a text").to_owned();
        Endpoint { id: text("id"), name, secret: text("secret") }
    }

    /// Until the analytics-service, which believes its list of endpoints for a second, has asked for it again: nothing but time
    /// tells, so this is as long as its promise.
    async fn believed(&self) {
        tokio::time::sleep(BELIEVED).await;
    }

    /// Publishes an event; its id.
    async fn event(&self, event_type: &str, body: Value) -> String {
        let id = Uuid::new_v4().to_string();
        self.stage.client.publish_json("events", event_type, identified(&id), &body).await;
        id
    }

    /// Publishes so many confirmed orders; their events' ids.
    async fn events(&self, count: usize) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for number in 0..count {
            ids.insert(self.event("order.confirmed", confirmed("c-1", number)).await);
        }
        ids
    }

    /// Waits until exactly these events have been taken by an endpoint, each at least once.
    async fn takes(&self, endpoint: &Endpoint, events: &BTreeSet<String>) {
        let step = format!("{} takes {} events", endpoint.name, events.len());
        eventually(&step, async || {
            let taken = ids(&self.partner.taken(endpoint.name));
            assert!(taken.is_subset(events), "{}: {:?} were not meant", endpoint.name, taken.difference(events));
            (taken == *events).then_some(())
        })
        .await;
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = answer(self.stage.api.get(path)).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Posts and expects success.
    async fn post(&self, path: &str, body: Value) -> Value {
        succeeds(self.stage.api.post(path, &body)).await
    }

    /// The deliveries to an endpoint, the newest first.
    async fn deliveries(&self, endpoint: &Endpoint, query: &str) -> Vec<Value> {
        let page = self.get(&endpoint.page(&format!("/deliveries?limit=200{query}"))).await;
        page["deliveries"].as_array().expect("deliveries").clone()
    }

    /// Waits until so many deliveries to an endpoint stand so.
    async fn stand(&self, endpoint: &Endpoint, count: usize, state: &str) -> Vec<Value> {
        let step = format!("{count} deliveries to {} are {state}", endpoint.name);
        eventually(&step, async || {
            let found = self.deliveries(endpoint, &format!("&state={state}")).await;
            (found.len() == count).then_some(found)
        })
        .await
    }

    /// Each of the calls carries a signature that this secret makes.
    fn verified(&self, endpoint: &Endpoint, secret: &str) -> usize {
        let calls = self.partner.calls(endpoint.name);
        calls.iter().for_each(|call| assert!(is_signed_by(call, secret), "{call:?}"));
        calls.len()
    }

    async fn finish(self) {
        self.stage.finish().await;
    }
}

async fn succeeds(request: RequestBuilder) -> Value {
    let (status, body) = answer(request).await;
    assert!((200..300).contains(&status), "{status}: {body}");
    body
}

fn is_signed_by(call: &Call, secret: &str) -> bool {
    Webhook::new(secret).expect("a secret").verify(&call.body, &call.headers).is_ok()
}

fn ids(calls: &[Call]) -> BTreeSet<String> {
    calls.iter().map(|call| call.id().to_owned()).collect()
}

/// An order that is confirmed, as the order-processor announces it.
fn confirmed(customer: &str, number: usize) -> Value {
    json!({
        "id": Uuid::new_v4(), "customer_id": customer, "email": "ada@shop.example", "total": 19.99, "status": "confirmed",
        "items": [{"sku": "WIDGET-01", "quantity": 1, "price": 19.99}], "metadata": {"number": number},
        "created_at": "2026-03-01T10:00:00Z", "occurred_at": "2026-03-01T10:00:30Z"
    })
}

/// Status of an answer without a body.
async fn succeeds_empty(request: RequestBuilder) -> u16 {
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    assert_eq!(answer.text().await.expect("a body"), "", "{status}");
    status
}
