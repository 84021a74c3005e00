//! The HTTP API of one process, served on a free port. Several on one database are several processes of order-api.

use order_fleet::config::BrokerArgs;
use order_fleet::intake::http::{ApiState, router};
use order_fleet::intake::{Intake, IntakeLimits, OutboxWake};
use order_fleet::messaging::Broker;
use order_fleet::ops::status::{QueueReader, Sources};
use order_fleet::tracking::{Limits, Links, Tracking};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::eventually;

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

    /// With a broker whose queues it shows.
    pub async fn start_among(db: PgPool, broker: Broker, limits: IntakeLimits, wake: OutboxWake) -> Self {
        Self::start_streaming(db, broker, limits, wake, Limits::default()).await
    }

    /// With limits of live tracking, without a broker.
    pub async fn start_tracking(db: PgPool, streams: Limits) -> Self {
        Self::start_streaming(db, no_broker(), IntakeLimits::default(), OutboxWake::default(), streams).await
    }

    async fn start_streaming(
        db: PgPool,
        broker: Broker,
        limits: IntakeLimits,
        wake: OutboxWake,
        streams: Limits,
    ) -> Self {
        let (intake, _writers) = Intake::start(db.clone(), wake, limits);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let status = Sources::new(db.clone(), QueueReader::new(broker, None));
        let tracking = Tracking::new(streams, CancellationToken::new());
        let links = Links::new(db.clone(), None);
        let poll = tokio::spawn(tracking.clone().run(db.clone()));
        let app = router(ApiState { db, intake, status, tracking: tracking.clone(), links });
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
