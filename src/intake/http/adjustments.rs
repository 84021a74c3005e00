//! `POST /api/v1/products/{sku}/adjustments`: units put on the shelf or taken off by hand, once per Idempotency-Key.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sqlx::PgConnection;

use super::caller::{Caller, Change};
use super::json_body::JsonBody;
use super::orders::{IDEMPOTENCY_REPLAYED, KeyHeader, read_key};
use super::problem::ProblemKind::{Conflict, IdempotencyKeyReused, NotFound};
use super::problem::{Problem, ProblemKind, of_database};
use super::products::{faults, short_text, target, unfaulted, unknown};
use super::router::ApiState;
use crate::access::Actor;
use crate::contract::{Fields, requests};
use crate::domain::Sku;
use crate::intake::idempotent::{self, Turn};
use crate::intake::import::MAX_UNITS;
use crate::store::product_changes::{self, AdjustError};
use crate::store::products::{self, Product};

struct Adjustment {
    sku: Sku,
    delta: i64,
    reason: String,
}

/// Adjust the stock of a product
///
/// For what comes and goes by hand: deliveries, breakage, counts. The stock never falls below what orders have reserved. With an
/// `Idempotency-Key` a request can be repeated until it is answered: the same key with the same body moves the stock once, and
/// gets the first answer again.
#[utoipa::path(
    post, path = "/api/v1/products/{sku}/adjustments", operation_id = "adjustStock", tag = "products",
    params(("sku" = Sku, Path), KeyHeader),
    request_body = requests::Adjustment,
    responses((
        status = 200, description = "The product with its new stock.", body = Product,
        headers(("Idempotency-Replayed" = bool, description = "`true` when this is the answer to an earlier request."))
    )),
    extensions(("x-problems" = json!([NotFound, Conflict, IdempotencyKeyReused])))
)]
pub(super) async fn adjust(
    State(state): State<ApiState>,
    caller: Caller,
    sku: Result<Path<Sku>, PathRejection>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, Problem> {
    let Path(sku) = sku.map_err(|_| unknown())?;
    // the same body means something else for another product
    let fingerprint = idempotent::on_path(&format!("adjust {sku}"), body.fingerprint);
    let key = read_key(&headers, &caller.actor, fingerprint)?;
    let adjustment = read(sku, &body)?;
    let mut transaction = state.transaction().await?;
    if let Some(key) = &key {
        match idempotent::begin(&mut transaction, key).await.map_err(|error| of_database(&error))? {
            Turn::First => {}
            Turn::Again(body) => return Ok(answer(body, true)),
            Turn::Reused => {
                let detail = "the idempotency key was used for another request";
                return Err(Problem::new(ProblemKind::IdempotencyKeyReused, detail));
            }
        }
    }
    let product = apply(&mut transaction, &adjustment, &caller.actor).await?;
    let body =
        serde_json::to_string(&product).map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
    if let Some(key) = &key {
        idempotent::finish(&mut transaction, key, &body).await.map_err(|error| of_database(&error))?;
    }
    let Adjustment { sku, delta, reason } = &adjustment;
    let (before, after) = (json!({"on_hand": product.on_hand - delta}), json!({"on_hand": product.on_hand}));
    let change = Change { before: Some(&before), after: Some(&after), reason: Some(reason) };
    caller.did(&mut transaction, "stock.adjust", &target(sku), change).await?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    tracing::info!(%sku, delta, on_hand = product.on_hand, "stock adjusted");
    Ok(answer(body, false))
}

fn read(sku: Sku, body: &JsonBody) -> Result<Adjustment, Problem> {
    let mut fields = Fields::new(&body.object, "");
    let delta = fields.whole("delta", -MAX_UNITS, MAX_UNITS);
    if delta == Some(0) {
        fields.fault("delta", "must not be zero");
    }
    let reason = fields.text("reason", short_text);
    match (delta, reason) {
        (Some(delta), Some(reason)) if unfaulted(&fields) => Ok(Adjustment { sku, delta, reason }),
        _ => Err(faults(fields)),
    }
}

/// Has the effect; the product afterwards.
async fn apply(db: &mut PgConnection, adjustment: &Adjustment, actor: &Actor) -> Result<Product, Problem> {
    let Adjustment { sku, delta, reason } = adjustment;
    product_changes::adjust_all(db, &[(sku, *delta)], reason, &actor.to_string()).await.map_err(of_adjust)?;
    products::find(db, sku).await.map_err(|error| of_database(&error))?.ok_or_else(unknown)
}

fn answer(body: String, replayed: bool) -> Response {
    let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    if replayed {
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

fn of_adjust(error: AdjustError) -> Problem {
    match error {
        AdjustError::Unknown => unknown(),
        AdjustError::BelowReserved => Problem::new(ProblemKind::Conflict, error.to_string()),
        AdjustError::Database(error) => of_database(&error),
    }
}
