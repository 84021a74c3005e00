//! `/api/v1/orders`: submit, show, list, tell the history.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime, UtcOffset};
use uuid::Uuid;

use super::correlation::CorrelationId;
use super::cursor;
use super::json_body::JsonBody;
use super::parameters::{PAGE, Parameters};
use super::problem::{Problem, ProblemKind, of_database, of_unreadable};
use super::router::ApiState;
use crate::contract::FieldError;
use crate::contract::order::{Source, read_order};
use crate::domain::{CustomerId, Order, OrderId, OrderStatus, Sku};
use crate::intake::{Acceptance, Fingerprint, IdempotencyKey, Refused, Submission};
use crate::store::order_queries::{self, HistoryEntry, OrderDetails};
use crate::store::order_search::{self, OrderFilter, OrderPosition, Text};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Who asks, as long as nobody has to say who they are: all callers share one set of keys.
pub(super) const ANYONE: &str = "anyone";

/// `POST /api/v1/orders`
pub(super) async fn submit(
    State(state): State<ApiState>,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, Problem> {
    let key = read_key(&headers, body.fingerprint)?;
    let form = read_order(&body.object, Source::Http).map_err(of_unreadable)?;
    let acceptance = state
        .intake
        .submit(Submission { form, correlation_id, actor: ANYONE.to_owned(), key })
        .await
        .map_err(of_refused)?;
    tracing::info!(order_id = %acceptance.order_id, replayed = acceptance.replayed, "order accepted");
    Ok(accepted(acceptance))
}

pub(super) fn read_key(headers: &HeaderMap, fingerprint: Fingerprint) -> Result<Option<IdempotencyKey>, Problem> {
    let fault = |detail: String| {
        Problem::validation(vec![FieldError {
            pointer: "/Idempotency-Key".to_owned(),
            detail: format!("header: {detail}"),
        }])
    };
    let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(fault("must be given only once".to_owned()));
    }
    let key = crate::intake::read_key(value.as_bytes()).map_err(|error| fault(error.to_string()))?;
    Ok(Some(IdempotencyKey { scope: ANYONE.to_owned(), key, fingerprint }))
}

fn accepted(Acceptance { order_id, body, replayed }: Acceptance) -> Response {
    let location = format!("/api/v1/orders/{order_id}");
    let headers = [(header::LOCATION, location), (header::CONTENT_TYPE, "application/json".to_owned())];
    let mut response = (StatusCode::ACCEPTED, headers, body).into_response();
    if replayed {
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// What a refusal of the intake means to a client.
pub(super) fn of_refused(refused: Refused) -> Problem {
    let kind = match refused {
        Refused::Invalid(errors) => return Problem::validation(errors),
        Refused::PriceChanged(ref errors) => {
            return Problem { errors: errors.clone(), ..Problem::new(ProblemKind::PriceChanged, refused.to_string()) };
        }
        Refused::KeyReused => ProblemKind::IdempotencyKeyReused,
        Refused::KeyInFlight => ProblemKind::IdempotencyKeyInFlight,
        Refused::Overloaded | Refused::Unavailable => ProblemKind::Overloaded,
        Refused::Internal => ProblemKind::Internal,
    };
    Problem::new(kind, refused.to_string())
}

/// `GET /api/v1/orders/{id}`
pub(super) async fn show(
    State(state): State<ApiState>,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<Json<OrderDetails>, Problem> {
    let id = read_id(id)?;
    let mut connection = state.connection().await?;
    let order = order_queries::find(&mut connection, id).await.map_err(|error| of_database(&error))?;
    order.map(Json).ok_or_else(unknown)
}

/// The order that the path names. What is no id is nobody's.
pub(super) fn read_id(id: Result<Path<Uuid>, PathRejection>) -> Result<OrderId, Problem> {
    id.map(|Path(id)| OrderId(id)).map_err(|_| unknown())
}

pub(super) fn unknown() -> Problem {
    Problem::new(ProblemKind::NotFound, "no order has this id")
}

#[derive(Serialize)]
pub(super) struct OrderPage {
    orders: Vec<Order>,
    next_cursor: Option<String>,
}

/// `GET /api/v1/orders`
pub(super) async fn list(
    State(state): State<ApiState>,
    mut parameters: Parameters,
) -> Result<Json<OrderPage>, Problem> {
    let filter = OrderFilter {
        status: parameters.optional("status", str::parse::<OrderStatus>),
        customer_id: parameters.optional("customer", |text| CustomerId::parse(text)),
        sku: parameters.optional("sku", |text| Sku::parse(text)),
        from: parameters.optional("from", read_moment),
        to: parameters.optional("to", read_moment),
        text: parameters.optional("text", str::parse::<Text>),
    };
    let position = parameters.optional("cursor", cursor::read_order).unwrap_or(OrderPosition::NEWEST);
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    let mut connection = state.connection().await?;
    // one more than asked for tells whether another page follows
    let page = order_search::page(&mut connection, &filter, position, limit + 1).await;
    let mut orders = page.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut orders, limit, |last| cursor::of_order(OrderPosition::of(last)));
    Ok(Json(OrderPage { orders, next_cursor }))
}

/// A moment, or a date for its first moment in UTC.
fn read_moment(text: &str) -> Result<OffsetDateTime, &'static str> {
    let date = || Date::parse(text, &Iso8601::DATE).ok().map(|date| date.midnight().assume_utc());
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .or_else(date)
        .filter(|moment| (1..=9999).contains(&moment.to_offset(UtcOffset::UTC).year()))
        .ok_or("must be a date as in 2026-01-31, or with a time as in 2026-01-31T12:00:00Z")
}

#[derive(Serialize)]
pub(super) struct History {
    order_id: OrderId,
    history: Vec<HistoryEntry>,
}

/// `GET /api/v1/orders/{id}/history`
pub(super) async fn history(
    State(state): State<ApiState>,
    id: Result<Path<Uuid>, PathRejection>,
    parameters: Parameters,
) -> Result<Json<History>, Problem> {
    let order_id = read_id(id)?;
    parameters.finish()?;
    let mut connection = state.connection().await?;
    let found = order_queries::history(&mut connection, order_id).await.map_err(|error| of_database(&error))?;
    found.map(|history| Json(History { order_id, history })).ok_or_else(unknown)
}
