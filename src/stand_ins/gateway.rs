//! A payment gateway's API as far as it is used, with a ledger that outlives every role: what was taken and given back under each
//! key can be compared with the orders.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;
use uuid::Uuid;

use super::http::{Listener, Shared, authorization, form};
use crate::contract::payment_webhook::PaymentResult;
use crate::domain::OrderId;
use crate::domain::payment::LateResult;
use crate::ports::gateway::ResultSender;

/// Longer than any client waits.
const SILENCE: Duration = Duration::from_secs(60);

/// How the gateway treats requests; shares are from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GatewayManners {
    /// Share of charges, beside those with the token `tok_pending`, that are decided later and told by webhook.
    pub pending: f64,
    /// Share of requests that are answered 500 without an effect.
    pub errors: f64,
    /// Share of requests that have their effect and whose answer is lost: half of them 504, half silence.
    pub lost_answers: f64,
    /// Time before the effect, fastest and slowest.
    pub latency: (Duration, Duration),
}

/// What happened under one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    pub order_id: String,
    pub cents: u64,
    /// How often money was taken and given back.
    pub charges: u64,
    pub refunds: u64,
    pub declined: bool,
    /// Closed to charges by a refund.
    pub closed: bool,
    /// To be decided later.
    pub open: bool,
    /// Requests beyond the first charge and the first refund.
    pub repeats: u64,
}

impl Holding {
    /// Cents that the shop holds.
    pub fn held(&self) -> u64 {
        self.cents * self.charges.saturating_sub(self.refunds)
    }
}

struct Book {
    holdings: HashMap<Uuid, Holding>,
    manners: GatewayManners,
    random: fastrand::Rng,
    results: Option<ResultSender>,
}

struct House {
    api_key: String,
    book: Shared<Book>,
}

pub struct GatewayServer {
    listener: Listener,
    house: Arc<House>,
}

impl GatewayServer {
    /// `seed` decides which requests are treated badly.
    pub async fn start(api_key: &str, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        let book = Book { holdings: HashMap::new(), manners: GatewayManners::default(), random, results: None };
        let house = Arc::new(House { api_key: api_key.to_owned(), book: Shared::new(book) });
        let router = Router::new()
            .route("/v1/charges", post(charge))
            .route("/v1/refunds", post(refund))
            .with_state(Arc::clone(&house));
        Self { listener: Listener::serve(router).await, house }
    }

    pub fn base(&self) -> &str {
        &self.listener.base
    }

    pub fn set_manners(&self, manners: GatewayManners) {
        self.house.book.with(|book| book.manners = manners);
    }

    /// From now on pending charges are decided after the sender's delay, and told.
    pub fn tell(&self, results: ResultSender) {
        self.house.book.with(|book| book.results = Some(results));
    }

    /// Decides a pending charge now, without telling. `None`: it is not open (any more).
    pub fn decide(&self, key: Uuid, succeeds: bool) -> Option<LateResult> {
        self.house.decide(key, succeeds)
    }

    pub fn holdings(&self) -> HashMap<Uuid, Holding> {
        self.house.book.with(|book| book.holdings.clone())
    }
}

impl House {
    fn decide(&self, key: Uuid, succeeds: bool) -> Option<LateResult> {
        self.book.with(|book| {
            let holding = book.holdings.get_mut(&key).filter(|holding| holding.open && !holding.closed)?;
            holding.open = false;
            holding.charges += u64::from(succeeds);
            holding.declined = !succeeds;
            Some(if succeeds { LateResult::Succeeded } else { LateResult::Failed })
        })
    }

    async fn decide_and_tell(self: Arc<Self>, key: Uuid, results: ResultSender) {
        results.pause().await;
        if let Some(result) = self.decide(key, true) {
            let reference = Some(format!("ch_{}", key.simple()));
            results.tell(result, PaymentResult { order_id: OrderId(key), reference, code: None }).await;
        }
    }
}

/// What is in store for one request.
enum Luck {
    Answered,
    Failed,
    AnswerLost { silently: bool },
}

/// Checks the caller, waits as long as the manners say, and draws.
async fn receive(house: &House, headers: &HeaderMap) -> Result<Luck, Response> {
    if authorization(headers, "Bearer") != Some(house.api_key.as_str()) {
        return Err((StatusCode::UNAUTHORIZED, Json(json!({"error": {"code": "api_key_invalid"}}))).into_response());
    }
    let (pause, luck) = house.book.with(|book| {
        let Book { manners: GatewayManners { errors, lost_answers, latency: (fastest, slowest), .. }, random, .. } =
            book;
        let pause = *fastest + slowest.saturating_sub(*fastest).mul_f64(random.f64());
        let drawn = random.f64();
        let luck = if drawn < *errors {
            Luck::Failed
        } else if drawn < *errors + *lost_answers {
            Luck::AnswerLost { silently: random.bool() }
        } else {
            Luck::Answered
        };
        (pause, luck)
    });
    tokio::time::sleep(pause).await;
    Ok(luck)
}

async fn charge(State(house): State<Arc<House>>, headers: HeaderMap, body: String) -> Response {
    let luck = match receive(&house, &headers).await {
        Ok(luck) => luck,
        Err(refusal) => return refusal,
    };
    let fields = form(&body);
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let (Some(key), Ok(cents)) = (idempotency_key(&headers, ""), field("amount").parse()) else {
        return malformed();
    };
    end(luck, || {
        house.book.with(|book| {
            // no draw without a share: a seeded run must stay what it was
            let waits = field("source") == "tok_pending"
                || book.manners.pending > 0.0 && book.random.f64() < book.manners.pending;
            let holding = book.holdings.entry(key).or_default();
            let known = holding.charges > 0 || holding.declined || holding.open;
            holding.repeats += u64::from(known);
            if holding.closed {
                return declined("voided");
            }
            if !known {
                (holding.order_id, holding.cents) = (field("metadata[order_id]"), cents);
                holding.declined = field("source") == "tok_declined";
                holding.open = waits && !holding.declined;
                holding.charges += u64::from(!holding.declined && !holding.open);
                if let Some(results) = book.results.clone().filter(|_| holding.open) {
                    tokio::spawn(Arc::clone(&house).decide_and_tell(key, results));
                }
            }
            let status = if holding.open { "pending" } else { "succeeded" };
            match holding.declined {
                true => declined("insufficient_funds"),
                false => Json(json!({"id": format!("ch_{}", key.simple()), "status": status})).into_response(),
            }
        })
    })
    .await
}

async fn refund(State(house): State<Arc<House>>, headers: HeaderMap, body: String) -> Response {
    let luck = match receive(&house, &headers).await {
        Ok(luck) => luck,
        Err(refusal) => return refusal,
    };
    let fields = form(&body);
    let named = fields.get("charge_key").and_then(|key| Uuid::parse_str(key).ok());
    let Some(key) = idempotency_key(&headers, "refund-").filter(|key| Some(*key) == named) else {
        return malformed();
    };
    end(luck, || {
        house.book.with(|book| {
            let holding = book.holdings.entry(key).or_default();
            holding.repeats += u64::from(holding.closed);
            let holds = holding.charges > holding.refunds;
            holding.refunds += u64::from(holds);
            holding.closed = true;
            match holding.refunds > 0 {
                true => Json(json!({"id": format!("re_{}", key.simple()), "status": "succeeded"})).into_response(),
                false => Json(json!({"status": "nothing_held"})).into_response(),
            }
        })
    })
    .await
}

/// The request's effect, unless it fails, and its answer, unless that is lost.
async fn end(luck: Luck, effect: impl FnOnce() -> Response) -> Response {
    match luck {
        Luck::Answered => effect(),
        Luck::Failed => {
            (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": {"code": "api_error"}}))).into_response()
        }
        Luck::AnswerLost { silently } => {
            drop(effect());
            if silently {
                tokio::time::sleep(SILENCE).await;
            }
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
    }
}

fn idempotency_key(headers: &HeaderMap, prefix: &str) -> Option<Uuid> {
    Uuid::parse_str(headers.get("idempotency-key")?.to_str().ok()?.strip_prefix(prefix)?).ok()
}

fn declined(code: &str) -> Response {
    let problem = json!({"error": {"code": "card_declined", "decline_code": code}});
    (StatusCode::PAYMENT_REQUIRED, Json(problem)).into_response()
}

fn malformed() -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": {"code": "parameter_missing"}}))).into_response()
}
