//! The breaker around the payment gateway: an outage costs no message an attempt, and orders that fail for reasons of their own do
//! not keep the others waiting.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use clap::Parser;
use order_fleet::config::ConsumerArgs;
use order_fleet::ports::gateway::{Charge, ChargeRequest, GatewayError, PaymentGateway, Refund};
use order_fleet::runtime::{Context, Heartbeat, Tasks, Workers};
use order_fleet::services::payment_service::PaymentService;
use order_fleet::telemetry::{Health, metrics};
use order_fleet::tracking::Links;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::amqp::identified;
use crate::support::{Options, Role, Stage, answer, eventually, order_of, paid_with};

/// Takes every charge, unless it is down or the order's token says that it always fails.
#[derive(Default)]
struct Gateway {
    is_down: AtomicBool,
    refused: AtomicUsize,
    charges: AtomicUsize,
    /// The attempt in which each order was charged.
    charged: std::sync::Mutex<HashMap<Uuid, u32>>,
}

#[derive(Clone)]
struct Shared(Arc<Gateway>);

impl PaymentGateway for Shared {
    async fn charge(&self, request: &ChargeRequest) -> Result<Charge, GatewayError> {
        if self.0.is_down.load(Ordering::SeqCst) || request.token.as_deref() == Some("tok_error_always") {
            self.0.refused.fetch_add(1, Ordering::SeqCst);
            return Err(GatewayError::Unavailable);
        }
        self.0.charges.fetch_add(1, Ordering::SeqCst);
        let before = self.0.charged.lock().expect("not poisoned").insert(request.key, request.attempt);
        assert_eq!(before, None, "charged once");
        Ok(Charge::Taken { reference: format!("charge of {}", request.key) })
    }

    async fn refund(&self, _: Uuid, _: Option<&str>) -> Result<Refund, GatewayError> {
        Ok(Refund::NothingHeld)
    }
}

#[derive(Parser)]
struct Defaults {
    #[command(flatten)]
    consumer: ConsumerArgs,
}

/// A payment-service of its own beside the stage.
struct Payments {
    gateway: Arc<Gateway>,
    shutdown: CancellationToken,
    tasks: Tasks,
    heartbeat: Heartbeat,
}

impl Payments {
    fn start(stage: &Stage) -> Self {
        Self::start_with(stage, false)
    }

    fn start_with(stage: &Stage, gateway_is_down: bool) -> Self {
        let gateway = Arc::new(Gateway { is_down: AtomicBool::new(gateway_is_down), ..Gateway::default() });
        let context = Context {
            db: stage.database.pool.clone(),
            workers: Workers { runtime: Handle::current(), db: stage.database.pool.clone() },
            questions: stage.database.pool.clone(),
            broker: stage.host.broker("payment-service"),
            health: Health::default(),
            links: Links::new(stage.database.pool.clone(), None),
            consumer: Defaults::parse_from(["test"]).consumer,
            controls: Default::default(),
            shutdown: CancellationToken::new(),
        };
        let mut tasks = Tasks::new();
        context.consume(PaymentService { gateway: Shared(gateway.clone()), db: context.db.clone() }, &mut tasks);
        let heartbeat = Heartbeat::start(&context);
        Self { gateway, shutdown: context.shutdown, tasks, heartbeat }
    }

    async fn stop(mut self) {
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("the consumer ends by itself");
        }
        self.heartbeat.stop().await;
    }
}

/// The breaker of the payment-service, as an operator sees it, once it is in this state.
async fn shown(stage: &Stage, state: &str) -> (Value, Value) {
    eventually(&format!("the status shows a breaker that is {state}"), async || {
        let (code, status) = answer(stage.api.get("/api/v1/status")).await;
        assert_eq!(code, 200, "{status}");
        let breakers = status["breakers"].as_array().expect("breakers");
        let breaker = breakers.iter().find(|breaker| breaker["role"] == "payment-service")?;
        (breaker["state"] == state).then(|| (breaker.clone(), status.clone()))
    })
    .await
}

#[tokio::test]
async fn a_breaker_that_opens_is_in_the_status_with_what_opened_it_and_gone_from_the_problems_when_it_closes() {
    const ORDERS: i64 = 10;
    let _alone = ALONE.lock().await;
    // slow enough that no order has spent its attempts before the next ones have come
    let stage = stage_with([1000, 1000, 1000]).await;
    let payments = Payments::start(&stage);
    let (breaker, _) = shown(&stage, "closed").await;
    assert_eq!((&breaker["dependency"], &breaker["since"]), (&json!("payment gateway"), &Value::Null));
    payments.gateway.is_down.store(true, Ordering::SeqCst);
    for _ in 0..ORDERS {
        stage.submit(&order_of("WIDGET-01", 1)).await;
    }
    let (breaker, status) = shown(&stage, "open").await;
    assert!(breaker["since"].is_string(), "{breaker}");
    assert_eq!(breaker["failure_share"], 1.0);
    let problem = |status: &Value| {
        let problems = status["problems"].as_array().expect("problems").iter();
        problems.filter(|problem| problem["part"] == "breakers").map(|problem| problem["detail"].to_string()).next()
    };
    assert!(problem(&status).is_some_and(|detail| detail.contains("payment gateway fails")), "{status}");
    // what waits for the breaker is in no queue: the consumer has it in hand
    let queues = status["queues"].as_array().expect("queues");
    let queue = queues.iter().find(|queue| queue["name"] == "payment_requests").expect("the queue");
    assert!(queue["in_hand"].as_u64() > Some(0), "{queue}");
    payments.gateway.is_down.store(false, Ordering::SeqCst);
    stage.reach(ORDERS, "confirmed").await;
    let (breaker, status) = shown(&stage, "closed").await;
    assert!(breaker["since"].is_string(), "since when it is back: {breaker}");
    assert_eq!(problem(&status), None);
    payments.stop().await;
    stage.finish().await;
}

/// The figure belongs to the process: one test at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

fn open() -> i64 {
    metrics().breaker_open.with_label_values(&["payment-service"]).get()
}

async fn stage() -> Stage {
    stage_with([100, 100, 100]).await
}

async fn stage_with(delays: [u64; 3]) -> Stage {
    let mut stage = Stage::set(Options { delays, ..Options::default() }).await;
    stage.start(&[Role::Processor, Role::Inventory]).await;
    stage.stock("WIDGET-01", 1000).await;
    stage
}

#[tokio::test]
async fn copies_that_come_while_their_message_is_under_way_end_with_it() {
    let _alone = ALONE.lock().await;
    let stage = Stage::set(Options::default()).await;
    for order in [Uuid::new_v4(), Uuid::new_v4()] {
        let request = json!({"type": "payment.take", "order_id": order, "customer_id": "c-1", "amount": 19.99, "payment_token": "tok_visa"});
        for _ in 0..3 {
            stage.client.publish_json("", "payment_requests", identified(&order.to_string()), &request).await;
        }
    }
    let payments = Payments::start_with(&stage, true);
    let gateway = Arc::clone(&payments.gateway);
    eventually("the gateway is asked", async || (payments.gateway.refused.load(Ordering::SeqCst) > 0).then_some(()))
        .await;
    payments.gateway.is_down.store(false, Ordering::SeqCst);
    eventually("nothing is left", async || {
        let taken = stage.database.number("select count(*) from payments where status = 'taken'").await;
        (taken == 2 && stage.client.depth("payment_requests").await == 0).then_some(())
    })
    .await;
    payments.stop().await;
    assert_eq!(gateway.charges.load(Ordering::SeqCst), 2, "each is charged once");
    assert_eq!(stage.client.depth("payment_requests").await, 0, "the copies are acknowledged");
    assert_eq!(stage.database.number("select count(*) from inbox where consumer = 'payment-service'").await, 2);
    stage.finish().await;
}

#[tokio::test]
async fn while_the_gateway_is_down_messages_wait_and_keep_their_attempts() {
    const ORDERS: i64 = 40;
    let _alone = ALONE.lock().await;
    let stage = stage().await;
    let payments = Payments::start(&stage);
    payments.gateway.is_down.store(true, Ordering::SeqCst);
    for _ in 0..ORDERS {
        stage.submit(&order_of("WIDGET-01", 1)).await;
    }
    eventually("the breaker is open", async || (open() == 1).then_some(())).await;
    let before = payments.gateway.refused.load(Ordering::SeqCst);
    eventually("two probes have failed", async || {
        (payments.gateway.refused.load(Ordering::SeqCst) >= before + 2).then_some(())
    })
    .await;
    assert_eq!(stage.client.depth("dead_letters").await, 0);
    assert_eq!(open(), 1);
    payments.gateway.is_down.store(false, Ordering::SeqCst);
    stage.reach(ORDERS, "confirmed").await;
    assert_eq!(open(), 0);
    let attempts: Vec<u32> = payments.gateway.charged.lock().expect("not poisoned").values().copied().collect();
    let spent = attempts.iter().filter(|attempt| **attempt > 1).count();
    // four failures in a row are any message's own; the fifth opens it, and from then on nobody pays
    assert!(spent <= 4 && attempts.iter().all(|attempt| *attempt <= 4), "{attempts:?}");
    payments.stop().await;
    stage.finish().await;
}

#[tokio::test]
async fn orders_whose_payment_always_fails_do_not_block_the_others_for_ever() {
    const FAILING: u32 = 3;
    let _alone = ALONE.lock().await;
    let stage = stage().await;
    let payments = Payments::start(&stage);
    for _ in 0..FAILING {
        stage.submit(&paid_with("tok_error_always")).await;
    }
    // more failures in a row than any single message has: the breaker opens with none but these in hand
    eventually("they have opened the breaker", async || {
        (payments.gateway.refused.load(Ordering::SeqCst) >= 5).then_some(())
    })
    .await;
    let mut good = 0;
    while stage.client.depth("dead_letters").await < FAILING {
        let id = stage.submit(&order_of("WIDGET-01", 1)).await;
        stage.reaches(&id, "confirmed").await;
        good += 1;
        assert!(good < 40, "the failing ones come to no end");
    }
    for _ in 0..FAILING {
        assert_eq!(stage.dead_letter().await.header("fleet-reason").as_deref(), Some("attempts_exhausted"));
    }
    let refused = payments.gateway.refused.load(Ordering::SeqCst);
    eprintln!("{good} good orders went through; {refused} calls for {FAILING} orders that always fail");
    payments.stop().await;
    stage.finish().await;
}
