//! `/api/v1/orders`: submit, show, list.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::correlation::CorrelationId;
use super::cursor;
use super::json_body::JsonBody;
use super::parameters::{PAGE, PageParameters, Parameters};
use super::problem::ProblemKind::{IdempotencyKeyInFlight, IdempotencyKeyReused, NotFound};
use super::problem::{Problem, ProblemKind, of_database, of_unreadable};
use super::router::ApiState;
use crate::contract::FieldError;
use crate::contract::order::{Source, read_order};
use crate::contract::requests::NewOrder;
use crate::domain::{Order, OrderId, OrderStatus};
use crate::intake::{Acceptance, Fingerprint, IdempotencyKey, Refused, Submission};
use crate::store::order_queries::{self, OrderDetails, OrderPosition};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(super) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Whose keys these are, as long as nobody has to say who they are: all callers share one set of keys.
pub(super) const ANYONE: &str = "anyone";

/// Submit an order
///
/// The order is stored, and answered as pending; what becomes of it is seen by asking for it. With an `Idempotency-Key` a request
/// can be repeated until it is answered: the same key with the same body is the same order, and gets the first answer again.
#[utoipa::path(
    post, path = "/api/v1/orders", operation_id = "submitOrder", tag = "orders",
    params((
        "Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, new for each order.",
        min_length = 1, max_length = 255, pattern = "^[\\x21-\\x7e]+$", example = json!("basket-4711")
    )),
    request_body = NewOrder,
    responses((
        status = 202, description = "Accepted; under the key of an earlier request, what was answered then.", body = Order,
        headers(
            ("Location" = String, description = "Where the order is shown."),
            ("Idempotency-Replayed" = bool, description = "`true` when this is the answer to an earlier request.")
        )
    )),
    extensions(("x-problems" = json!([IdempotencyKeyReused, IdempotencyKeyInFlight])))
)]
pub(super) async fn submit(
    State(state): State<ApiState>,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, Problem> {
    let key = read_key(&headers, body.fingerprint)?;
    let form = read_order(&body.object, Source::Http).map_err(of_unreadable)?;
    let acceptance = state.intake.submit(Submission { form, correlation_id, key }).await.map_err(of_refused)?;
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
fn of_refused(refused: Refused) -> Problem {
    let kind = match refused {
        Refused::Invalid(errors) => return Problem::validation(errors),
        Refused::KeyReused => ProblemKind::IdempotencyKeyReused,
        Refused::KeyInFlight => ProblemKind::IdempotencyKeyInFlight,
        Refused::Overloaded | Refused::Unavailable => ProblemKind::Overloaded,
        Refused::Internal => ProblemKind::Internal,
    };
    Problem::new(kind, refused.to_string())
}

/// Show an order with its timeline
#[utoipa::path(
    get, path = "/api/v1/orders/{id}", operation_id = "getOrder", tag = "orders",
    params(("id" = OrderId, Path)),
    responses((status = 200, description = "The order.", body = OrderDetails)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn show(
    State(state): State<ApiState>,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<Json<OrderDetails>, Problem> {
    let unknown = || Problem::new(ProblemKind::NotFound, "no order has this id");
    let Path(id) = id.map_err(|_| unknown())?;
    let mut connection = state.connection().await?;
    let order = order_queries::find(&mut connection, OrderId(id)).await.map_err(|error| of_database(&error))?;
    order.map(Json).ok_or_else(unknown)
}

#[derive(Serialize, ToSchema)]
pub(super) struct OrderPage {
    /// The newest first.
    orders: Vec<Order>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

/// List orders, the newest first
#[utoipa::path(
    get, path = "/api/v1/orders", operation_id = "listOrders", tag = "orders",
    params(("status" = Option<OrderStatus>, Query, description = "Only orders in this status."), PageParameters),
    responses((status = 200, description = "A page of orders.", body = OrderPage))
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    mut parameters: Parameters,
) -> Result<Json<OrderPage>, Problem> {
    let status = parameters.optional("status", str::parse::<OrderStatus>);
    let position = parameters.optional("cursor", cursor::read_order).unwrap_or(OrderPosition::NEWEST);
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    let mut connection = state.connection().await?;
    // one more than asked for tells whether another page follows
    let page = order_queries::page(&mut connection, status, position, limit + 1).await;
    let mut orders = page.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut orders, limit, |last| cursor::of_order(OrderPosition::of(last)));
    Ok(Json(OrderPage { orders, next_cursor }))
}
