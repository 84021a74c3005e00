//! An order's payment: `/api/v1/orders/{id}/payment`, its refund, and the webhook by which the gateway tells results later.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::{Caller, Change};
use super::json_body::{JsonBody, read_json};
use super::orders::{reach, read_id, unknown};
use super::problem::ProblemKind::{Conflict, IllegalTransition, InvalidSignature, NotFound};
use super::problem::{Problem, ProblemKind, of_database, of_unreadable};
use super::products::{faults, short_text};
use super::router::ApiState;
use crate::access::Actor;
use crate::contract::order::read_object;
use crate::contract::payment_webhook::{FAILED, PaymentResult, PaymentWebhook, SUCCEEDED};
use crate::contract::signature::{self, Unverified, verify};
use crate::contract::{FieldError, Fields, requests};
use crate::domain::payment::{LateResult, PaymentStatus};
use crate::domain::saga::{self, Step};
use crate::domain::{OrderId, OrderStatus};
use crate::intake::payment_result::{Heard, Told, hear};
use crate::lifecycle::{self, Origin, Refunding};
use crate::store::payment_book::{self, PaymentDetails};

/// Longest id of a webhook that is remembered; those of the known senders have some 30 characters.
const MAX_ID: usize = 255;
/// Longest reference and decline code that is taken over.
const MAX_TEXT: usize = 255;

/// Show an order's payment
///
/// With every call to the gateway and what came of it; customers are not told how calls failed.
#[utoipa::path(
    get, path = "/api/v1/orders/{id}/payment", operation_id = "getPayment", tag = "payments",
    params(("id" = OrderId, Path)),
    responses((status = 200, description = "The payment; its status is `null` before the gateway has answered.", body = PaymentDetails)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn show(
    State(state): State<ApiState>,
    actor: Actor,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<Json<PaymentDetails>, Problem> {
    let id = read_id(id)?;
    let mut connection = state.connection().await?;
    reach(&mut connection, &actor, id).await?;
    let payment = payment_book::find(&mut connection, id).await.map_err(|error| of_database(&error))?;
    let mut payment = payment.ok_or_else(unknown)?;
    if actor.only_customer().is_some() {
        payment.without_failures();
    }
    Ok(Json(payment))
}

/// Give the money of a paid order back
///
/// In full; the order stays what it is. However often it is asked for, the money goes back once. Possible while the order is confirmed,
/// shipped or delivered; to cancel an order gives its money back by itself.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/refund", operation_id = "refundOrder", tag = "payments",
    params(("id" = OrderId, Path)),
    request_body = requests::RefundRequest,
    responses(
        (status = 202, description = "The gateway will be asked.", body = PaymentDetails),
        (status = 200, description = "It was asked for before.", body = PaymentDetails)
    ),
    extensions(("x-problems" = json!([NotFound, Conflict, IllegalTransition])))
)]
pub(super) async fn refund(
    State(state): State<ApiState>,
    caller: Caller,
    id: Result<Path<Uuid>, PathRejection>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let id = read_id(id)?;
    let mut fields = Fields::new(&body.object, "");
    let reason = fields.text("reason", short_text);
    let Some(reason) = reason.filter(|_| fields.unknown().is_empty()) else { return Err(faults(fields)) };
    let mut transaction = state.transaction().await?;
    let origin = Origin { actor: &caller.actor, why: Some(&reason), correlation_id: &caller.correlation_id };
    let refunding = lifecycle::refund(&mut transaction, &state.saga, id, &reason, &origin).await;
    let status = match refunding.map_err(|error| of_database(&error))? {
        Refunding::Begun => StatusCode::ACCEPTED,
        Refunding::Repeated => StatusCode::OK,
        Refunding::NotPaid { current, allowed } => return Err(not_paid(&current, &allowed)),
        Refunding::NothingHeld(payment) => return Err(nothing_held(payment)),
        Refunding::Unknown => return Err(unknown()),
    };
    let payment = payment_book::find(&mut transaction, id).await.map_err(|error| of_database(&error))?;
    if status == StatusCode::ACCEPTED {
        let change = Change { reason: Some(&reason), ..Change::default() };
        caller.did(&mut transaction, "order.refund", &format!("order:{id}"), change).await?;
    }
    transaction.commit().await.map_err(|error| of_database(&error))?;
    if status == StatusCode::ACCEPTED {
        state.intake.wake_relay();
        tracing::info!(order_id = %id, actor = %caller.actor, "refund asked for");
    }
    Ok((status, Json(payment.ok_or_else(unknown)?)).into_response())
}

fn not_paid(current: &saga::State, allowed: &[OrderStatus]) -> Problem {
    let detail = format!(
        "the order is {}; its money can be given back while it is confirmed, shipped or delivered",
        current.status
    );
    let allowed: Vec<&str> = allowed.iter().map(|status| status.as_str()).collect();
    Problem::new(IllegalTransition, detail)
        .with("current_status", current.status.as_str())
        .with("current_step", current.step.as_ref().map(Step::as_str))
        .with("allowed_statuses", allowed)
}

fn nothing_held(payment: Option<PaymentStatus>) -> Problem {
    let payment = payment.map_or("not known", PaymentStatus::as_str);
    Problem::new(Conflict, format!("the order's payment is {payment}, so there is nothing to give back"))
}

/// What became of a webhook
#[derive(Serialize, ToSchema)]
pub(super) struct Taken {
    /// `taken`, `declined`, `given_back`, `nothing`: by its result; `repeated`; `ignored`: of a type that does not concern us.
    effect: &'static str,
}

/// Take a result of the payment gateway
///
/// Signed as Standard Webhooks has it, with one of the secrets of PAYMENT_WEBHOOK_SECRETS; the signature is good for five minutes.
/// Results of payments that were pending end the wait of their orders: success confirms, failure gives the stock back; money that
/// comes too late is given back. To tell a result again changes nothing. Events of other types are taken and ignored.
#[utoipa::path(
    post, path = "/api/v1/payments/webhook", operation_id = "takePaymentResult", tag = "payments",
    params(
        ("webhook-id" = String, Header, description = "The same in every repetition.", min_length = 1, max_length = 255,
         example = json!("msg_2b9f1c7e")),
        ("webhook-timestamp" = String, Header, description = "Seconds since 1970.", pattern = "^[0-9]+$",
         example = json!("1767225600")),
        ("webhook-signature" = String, Header, description = "`v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`; several are divided by blanks.",
         example = json!("v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="))
    ),
    request_body = PaymentWebhook,
    responses((status = 200, description = "Taken; it need not be told again.", body = Taken)),
    extensions(("x-problems" = json!([InvalidSignature, NotFound])))
)]
pub(super) async fn webhook(State(state): State<ApiState>, request: Request) -> Result<Json<Taken>, Problem> {
    let headers = request.headers().clone();
    let bytes = read_json(request).await?;
    let webhook_id = authenticated(&state, &headers, &bytes)?;
    let Some(told) = read_webhook(webhook_id, &bytes)? else { return Ok(Json(Taken { effect: "ignored" })) };
    let mut transaction = state.transaction().await?;
    let heard = hear(&mut transaction, &told).await.map_err(|error| of_database(&error))?;
    let order_id = told.data.order_id;
    let effect = match heard {
        Heard::Settled(settling) => {
            transaction.commit().await.map_err(|error| of_database(&error))?;
            state.intake.wake_relay();
            settling.as_str()
        }
        Heard::Repeated => "repeated",
        Heard::Unknown => {
            tracing::warn!(%order_id, kind = told.kind, "the gateway speaks of a payment that nobody knows");
            return Err(Problem::new(ProblemKind::NotFound, "no payment has this order_id"));
        }
    };
    tracing::info!(%order_id, kind = told.kind, effect, "the gateway told a result");
    Ok(Json(Taken { effect }))
}

/// The webhook's id, if one of the secrets has signed it lately.
fn authenticated(state: &ApiState, headers: &HeaderMap, body: &[u8]) -> Result<String, Problem> {
    let refused = |why: String| Problem::new(ProblemKind::InvalidSignature, why);
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.ok_or_else(|| refused(format!("the header {name} is missing")))
    };
    let (id, timestamp, signatures) =
        (header(signature::ID)?, header(signature::TIMESTAMP)?, header(signature::SIGNATURE)?);
    let seconds =
        timestamp.parse().map_err(|_| refused("webhook-timestamp must be in seconds since 1970".to_owned()))?;
    if state.payment_secrets.is_empty() {
        return Err(refused("no webhooks are taken: PAYMENT_WEBHOOK_SECRETS is not set".to_owned()));
    }
    let now = OffsetDateTime::now_utc().unix_timestamp();
    verify(&state.payment_secrets, id, seconds, body, signatures, now).map_err(|error: Unverified| {
        tracing::warn!(%error, "a payment webhook was refused");
        refused(error.to_string())
    })?;
    if id.is_empty() || id.len() > MAX_ID {
        return Err(refused(format!("webhook-id must have 1 to {MAX_ID} characters")));
    }
    Ok(id.to_owned())
}

/// `None` for types that do not concern us; of the others every fault is named.
fn read_webhook(webhook_id: String, bytes: &[u8]) -> Result<Option<Told>, Problem> {
    let object = read_object(bytes).map_err(of_unreadable)?;
    let mut fields = Fields::new(&object, "");
    let kind = fields.text("type", |text| Ok::<_, &str>(text.to_owned()));
    let result = match kind.as_deref() {
        Some(SUCCEEDED) => LateResult::Succeeded,
        Some(FAILED) => LateResult::Failed,
        Some(_) => return Ok(None),
        None => return Err(Problem::validation(fields.errors)),
    };
    let data = fields.value("data").and_then(Value::as_object);
    let Some(data) = data else {
        let detail = "must be an object".to_owned();
        return Err(Problem::validation(vec![FieldError { pointer: "/data".to_owned(), detail }]));
    };
    let data = read_result(data)?;
    Ok(Some(Told { webhook_id, kind: kind.unwrap_or_default(), result, data }))
}

/// Fields that nobody knows are the gateway's own business.
fn read_result(data: &Map<String, Value>) -> Result<PaymentResult, Problem> {
    let mut fields = Fields::new(data, "/data");
    let order_id = fields.text("order_id", |text| text.parse::<Uuid>().map_err(|_| "must be a UUID"));
    let short = |text: &str| match text.chars().count() <= MAX_TEXT && !text.contains('\0') {
        true => Ok(text.to_owned()),
        false => Err(format!("must have at most {MAX_TEXT} characters")),
    };
    let (reference, code) = (fields.optional_text("reference", short), fields.optional_text("code", short));
    match order_id {
        Some(order_id) if fields.errors.is_empty() => {
            Ok(PaymentResult { order_id: OrderId(order_id), reference, code })
        }
        Some(_) | None => Err(Problem::validation(fields.errors)),
    }
}
