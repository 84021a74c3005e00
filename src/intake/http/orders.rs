//! `/api/v1/orders`: submit, show, list, tell the history.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::correlation::CorrelationId;
use super::cursor;
use super::json_body::JsonBody;
use super::parameters::{PAGE, PageParameters, Parameters};
use super::problem::ProblemKind::{IdempotencyKeyInFlight, IdempotencyKeyReused, NotFound, PriceChanged};
use super::problem::{Problem, ProblemKind, of_database, of_unreadable};
use super::router::ApiState;
use crate::access::Actor;
use crate::contract::order::{OrderForm, Source, read_order};
use crate::contract::requests::{MomentOrDate, NewOrder, RequestKey};
use crate::contract::{FieldError, read_moment_or_date};
use crate::domain::{CustomerId, Order, OrderId, OrderStatus, Sku};
use crate::intake::{Acceptance, Fingerprint, IdempotencyKey, Refused, Submission};
use crate::store::order_queries::{self, HistoryEntry, OrderDetails};
use crate::store::order_search::{self, OrderFilter, OrderPosition, Text};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(super) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// An order that was accepted.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the answer is text that was stored; this is for the document")]
pub(super) struct AcceptedOrder {
    #[schema(inline = false)]
    #[serde(flatten)]
    order: Order,
    /// Where the customer can follow it without a login; a path while `PUBLIC_URL` is not set.
    tracking_url: Option<String>,
}

/// How the header looks in the description of every request that may be repeated.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by `read_key`; this is for the document")]
pub(super) struct KeyHeader {
    /// Chosen by the client, new for each request that is to have an effect of its own: 1 to 255 printable ASCII characters, bare or
    /// as a quoted string.
    #[param(rename = "Idempotency-Key", inline, required = false)]
    idempotency_key: RequestKey,
}

/// Submit an order
///
/// The order is stored, and answered as pending; what becomes of it is seen by asking for it. With an `Idempotency-Key` a request
/// can be repeated until it is answered: the same key with the same body is the same order, and gets the first answer again.
#[utoipa::path(
    post, path = "/api/v1/orders", operation_id = "submitOrder", tag = "orders",
    params(KeyHeader),
    request_body = NewOrder,
    responses((
        status = 202, description = "Accepted; under the key of an earlier request, what was answered then.", body = AcceptedOrder,
        headers(
            ("Location" = String, description = "Where the order is shown."),
            ("Idempotency-Replayed" = bool, description = "`true` when this is the answer to an earlier request.")
        )
    )),
    extensions(("x-problems" = json!([IdempotencyKeyReused, IdempotencyKeyInFlight, PriceChanged])))
)]
pub(super) async fn submit(
    State(state): State<ApiState>,
    actor: Actor,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, Problem> {
    let key = read_key(&headers, &actor, body.fingerprint)?;
    let form = read_order(&body.object, Source::Http).map_err(of_unreadable)?;
    placed_by(&actor, &form)?;
    let acceptance = state
        .intake
        .submit(Submission { form, correlation_id, actor: actor.to_string(), key })
        .await
        .map_err(of_refused)?;
    tracing::debug!(order_id = %acceptance.order_id, replayed = acceptance.replayed, "order accepted");
    let link = link(&state, acceptance.order_id).await;
    Ok(accepted(acceptance, link.as_deref()))
}

/// Customers order for themselves.
pub(super) fn placed_by(actor: &Actor, form: &OrderForm) -> Result<(), Problem> {
    match actor.reaches(&form.customer_id) {
        true => Ok(()),
        false => Err(Problem::new(ProblemKind::Forbidden, "customer_id must be your own")),
    }
}

/// A key is its caller's: two callers may choose the same.
pub(super) fn read_key(
    headers: &HeaderMap,
    actor: &Actor,
    fingerprint: Fingerprint,
) -> Result<Option<IdempotencyKey>, Problem> {
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
    Ok(Some(IdempotencyKey { scope: actor.to_string(), key, fingerprint }))
}

/// Where the customer can follow the order. Without it the answer is still right.
async fn link(state: &ApiState, order: OrderId) -> Option<String> {
    let link = state.links.link(order).await;
    link.inspect_err(|error| tracing::warn!(error = error as &dyn std::error::Error, "no tracking link")).ok()
}

fn accepted(Acceptance { order_id, body, replayed }: Acceptance, link: Option<&str>) -> Response {
    // the order's own text stays as it was stored, byte for byte; a link is of letters that JSON leaves alone
    let body = match (body.strip_suffix('}'), link) {
        (Some(fields), Some(link)) => format!("{fields},\"tracking_url\":\"{link}\"}}"),
        (Some(_) | None, Some(_) | None) => body,
    };
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

/// Show an order with its timeline
///
/// What it is now, every change that led to it, and what it waits for while it is being processed.
#[utoipa::path(
    get, path = "/api/v1/orders/{id}", operation_id = "getOrder", tag = "orders",
    params(("id" = OrderId, Path)),
    responses((status = 200, description = "The order.", body = OrderDetails)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn show(
    State(state): State<ApiState>,
    actor: Actor,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<Json<OrderDetails>, Problem> {
    let id = read_id(id)?;
    let mut connection = state.connection().await?;
    let order = order_queries::find(&mut connection, id).await.map_err(|error| of_database(&error))?;
    drop(connection);
    let order = order.filter(|found| actor.reaches(&found.order.customer_id)).ok_or_else(unknown)?;
    Ok(Json(OrderDetails { tracking_url: link(&state, id).await, ..order }))
}

/// Whether there is such an order, and the actor may know of it; both look the same from outside.
pub(super) async fn reach(connection: &mut PgConnection, actor: &Actor, id: OrderId) -> Result<(), Problem> {
    let customer = order_queries::customer_of(connection, id).await.map_err(|error| of_database(&error))?;
    customer.filter(|customer| actor.reaches(customer)).map(drop).ok_or_else(unknown)
}

/// The order that the path names. What is no id is nobody's.
pub(super) fn read_id(id: Result<Path<Uuid>, PathRejection>) -> Result<OrderId, Problem> {
    id.map(|Path(id)| OrderId(id)).map_err(|_| unknown())
}

pub(super) fn unknown() -> Problem {
    Problem::new(ProblemKind::NotFound, "no order has this id")
}

#[derive(Serialize, ToSchema)]
pub(super) struct OrderPage {
    /// The newest first.
    orders: Vec<Order>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

/// List orders, the newest first
///
/// Page by page: what is submitted meanwhile stands before the first page and moves nothing.
#[utoipa::path(
    get, path = "/api/v1/orders", operation_id = "listOrders", tag = "orders",
    params(
        ("status" = Option<OrderStatus>, Query, description = "Only orders in this status."),
        ("customer" = Option<CustomerId>, Query, description = "Only orders of this customer."),
        ("sku" = Option<Sku>, Query, description = "Only orders with a line of this product."),
        ("from" = inline(Option<MomentOrDate>), Query, description = "Only orders created then or later: a date (its first moment in UTC) or a date with time, as RFC 3339 writes it.", example = json!("2026-01-31T12:00:00Z")),
        ("to" = inline(Option<MomentOrDate>), Query, description = "Only orders created before.", example = json!("2026-02-01")),
        ("text" = Option<String>, Query, description = "Beginnings of words that an order must have: in customer, e-mail, phone, metadata, tracking number or notes. Or the order's id.", min_length = 1, example = json!("ada shop")),
        PageParameters
    ),
    responses((status = 200, description = "A page of orders.", body = OrderPage))
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    actor: Actor,
    mut parameters: Parameters,
) -> Result<Json<OrderPage>, Problem> {
    let mut filter = OrderFilter {
        status: parameters.optional("status", str::parse::<OrderStatus>),
        customer_id: parameters.optional("customer", |text| CustomerId::parse(text)),
        sku: parameters.optional("sku", |text| Sku::parse(text)),
        from: parameters.optional("from", read_moment_or_date),
        to: parameters.optional("to", read_moment_or_date),
        text: parameters.optional("text", str::parse::<Text>),
    };
    let position = parameters.optional("cursor", cursor::read_order).unwrap_or(OrderPosition::NEWEST);
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    if let Some(own) = actor.only_customer() {
        if filter.customer_id.as_ref().is_some_and(|asked| asked != own) {
            return Ok(Json(OrderPage { orders: Vec::new(), next_cursor: None }));
        }
        filter.customer_id = Some(own.clone());
    }
    let mut connection = state.connection().await?;
    // one more than asked for tells whether another page follows
    let page = order_search::page(&mut connection, &filter, position, limit + 1).await;
    let mut orders = page.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut orders, limit, |last| cursor::of_order(OrderPosition::of(last)));
    Ok(Json(OrderPage { orders, next_cursor }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = OrderHistory)]
pub(super) struct History {
    order_id: OrderId,
    /// The oldest first.
    history: Vec<HistoryEntry>,
}

/// Tell the history of an order
///
/// Every change of its state: when, what, who, why, and the message or the request that caused it.
#[utoipa::path(
    get, path = "/api/v1/orders/{id}/history", operation_id = "getOrderHistory", tag = "orders",
    params(("id" = OrderId, Path)),
    responses((status = 200, description = "The history.", body = History)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn history(
    State(state): State<ApiState>,
    actor: Actor,
    id: Result<Path<Uuid>, PathRejection>,
    parameters: Parameters,
) -> Result<Json<History>, Problem> {
    let order_id = read_id(id)?;
    parameters.finish()?;
    let mut connection = state.connection().await?;
    reach(&mut connection, &actor, order_id).await?;
    let history = order_queries::history(&mut connection, order_id).await.map_err(|error| of_database(&error))?;
    Ok(Json(History { order_id, history }))
}
