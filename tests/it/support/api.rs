//! The HTTP API of one process, served on a free port. Several on one database are several processes of order-api.

use std::net::SocketAddr;
use std::sync::Arc;

use order_fleet::config::BrokerArgs;
use order_fleet::intake::http::{ApiParts, Guard, Registration, router};
use order_fleet::intake::{Intake, IntakeLimits, OutboxWake};
use order_fleet::lifecycle::SagaArgs;
use order_fleet::messaging::Broker;
use order_fleet::ops::status::{QueueReader, Sources};
use order_fleet::ports::webhooks::{AddressRules, Vault};
use order_fleet::services::rehearsals::Rehearsals;
use order_fleet::tracking::{Limits, Links, Tracking};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::eventually;
use super::payment_webhook::SECRETS;

/// Webhooks may go anywhere: to servers of the tests.
pub const ANY_ADDRESS: AddressRules = AddressRules { allow_http: true, allow_private: true };

/// Keeps the secrets of webhooks, under a key of the tests.
pub fn vault() -> Vault {
    Vault::new("dGhlIGtleSBvZiB0aGUgdGVzdHMsIG5vYm9keSBlbHM=").expect("a key")
}

/// Endpoints of webhooks are on this machine.
fn anywhere() -> Registration {
    Registration { rules: ANY_ADDRESS, vault: vault().into() }
}

/// What else an API is started with: open to everybody, webhooks anywhere.
struct Around {
    guard: Guard,
    webhooks: Registration,
    streams: Limits,
}

impl Default for Around {
    fn default() -> Self {
        Self { guard: Guard::open(), webhooks: anywhere(), streams: Limits::default() }
    }
}

pub struct Api {
    pub address: String,
    pub client: Client,
    /// Its live streams.
    pub tracking: Tracking,
    server: JoinHandle<()>,
    poll: JoinHandle<()>,
}

fn no_broker() -> Broker {
    // port 1 is nobody's: what needs no broker must not wait for one
    let broker = BrokerArgs { amqp_url: "amqp://127.0.0.1:1/none".to_owned() };
    Broker::new(&broker, "order-api").expect("an address of RabbitMQ")
}

impl Api {
    pub async fn start(db: PgPool) -> Self {
        Self::start_with(db, IntakeLimits::default()).await
    }

    pub async fn start_with(db: PgPool, limits: IntakeLimits) -> Self {
        Self::start_beside(db, limits, OutboxWake::default()).await
    }

    /// Wakes a relay that listens to `wake`.
    pub async fn start_beside(db: PgPool, limits: IntakeLimits, wake: OutboxWake) -> Self {
        Self::start_among(db, no_broker(), limits, wake).await
    }

    /// As in production: only public addresses are endpoints of webhooks.
    pub async fn start_strictly(db: PgPool) -> Self {
        Self::start_alone(Around { webhooks: Registration::default(), ..Around::default() }, db).await
    }

    /// With a broker whose queues it shows.
    pub async fn start_among(db: PgPool, broker: Broker, limits: IntakeLimits, wake: OutboxWake) -> Self {
        Self::start_behind(Around::default(), db, broker, limits, wake).await
    }

    /// With limits of live tracking, without a broker.
    pub async fn start_tracking(db: PgPool, streams: Limits) -> Self {
        Self::start_alone(Around { streams, ..Around::default() }, db).await
    }

    /// Where callers must prove who they are.
    pub async fn start_guarded(guard: Guard, db: PgPool) -> Self {
        Self::start_alone(Around { guard, ..Around::default() }, db).await
    }

    async fn start_alone(around: Around, db: PgPool) -> Self {
        Self::start_behind(around, db, no_broker(), IntakeLimits::default(), OutboxWake::default()).await
    }

    async fn start_behind(
        Around { guard, webhooks, streams }: Around,
        db: PgPool,
        broker: Broker,
        limits: IntakeLimits,
        wake: OutboxWake,
    ) -> Self {
        let (intake, _writers) = Intake::start(db.clone(), wake, limits);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let status = Sources::new(db.clone(), QueueReader::new(broker.clone(), None));
        let tracking = Tracking::new(streams, CancellationToken::new());
        let links = Links::new(db.clone(), None);
        let poll = tokio::spawn(tracking.clone().run(db.clone()));
        let saga = SagaArgs { stock_deadline_seconds: 300, payment_deadline_seconds: 600 };
        let payment_secrets = SECRETS.map(|secret| secret.parse().expect("a secret")).into();
        let tracked = tracking.clone();
        let consumers = Arc::new(Rehearsals::new(saga.clone()));
        let parts = ApiParts {
            db,
            intake,
            status,
            broker,
            webhooks,
            payment_secrets,
            saga,
            guard,
            consumers,
            tracking: tracked,
            links,
        };
        let app = router(parts).into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move {
            // the writers live as long as the server
            let _writers = _writers;
            axum::serve(listener, app).await.expect("serves");
        });
        Self { address, client: Client::builder().no_proxy().build().expect("a client"), tracking, server, poll }
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.address))
    }

    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.address)).json(body)
    }

    pub fn patch(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.patch(format!("{}{path}", self.address)).json(body)
    }

    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.client.delete(format!("{}{path}", self.address))
    }

    pub fn post_csv(&self, path: &str, file: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.address));
        request.header("content-type", "text/csv; charset=utf-8").body(file)
    }

    /// Sends bytes as they are, declared as JSON.
    pub fn post_bytes(&self, path: &str, bytes: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.address));
        request.header("content-type", "application/json").body(bytes)
    }

    pub async fn create_product(&self, sku: &str, price: f64, stock: i64) {
        let body = json!({"sku": sku, "name": format!("Product {sku}"), "price": price, "stock": stock});
        let mut busy = false;
        eventually("the product is created", async || {
            let (status, body) = answer(self.post("/api/v1/products", &body)).await;
            // after a busy answer it may be there already
            assert!(status == 201 || status == 503 || busy && status == 409, "{status}: {body}");
            busy |= status == 503;
            (status != 503).then_some(())
        })
        .await;
    }

    pub async fn submit(&self, order: &Value) -> (u16, Value) {
        answer(self.post("/api/v1/orders", order)).await
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.server.abort();
        self.poll.abort();
    }
}

/// Status and body of the answer.
pub async fn answer(request: RequestBuilder) -> (u16, Value) {
    read(request.send().await.expect("an answer")).await
}

/// Status and JSON body. Every answer of the API is JSON.
pub async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{status} with {text:?}: {error}")))
}
