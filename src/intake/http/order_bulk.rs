//! `/api/v1/orders/bulk`: many orders in one request, a verdict for each. One that is refused costs its neighbours nothing.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::correlation::CorrelationId;
use super::json_body::JsonBody;
use super::orders::{KeyHeader, of_refused, placed_by, read_key};
use super::problem::{Problem, ProblemDetails, ProblemKind, of_unreadable};
use super::router::ApiState;
use crate::access::Actor;
use crate::contract::order::{Source, read_order};
use crate::contract::requests::BulkOrders;
use crate::contract::{FieldError, Fields};
use crate::domain::Order;
use crate::intake::{Acceptance, Fingerprint, IdempotencyKey, Refused, Submission};

/// Most orders of one request.
const MOST: usize = 1_000;
/// Largest body: that many orders with a few lines and some metadata each.
const MAX_BODY: usize = 8 << 20;
/// The field of a row that is not the order's.
const ROW_KEY: &str = "idempotency_key";

#[derive(Serialize, ToSchema)]
#[schema(as = BulkVerdicts)]
pub(super) struct Verdicts {
    /// Orders that are committed, those of earlier requests with the same keys included.
    accepted: usize,
    refused: usize,
    /// One per order, in their order.
    results: Vec<Verdict>,
}

#[derive(Serialize, ToSchema)]
#[serde(tag = "verdict", rename_all = "snake_case")]
#[schema(as = BulkVerdict)]
enum Verdict {
    Accepted {
        /// Place of the order in the request, from 0.
        index: usize,
        /// An earlier request, or an earlier row, with the same key made the order.
        replayed: bool,
        #[schema(value_type = Order)]
        order: Box<RawValue>,
    },
    Refused {
        /// Place of the order in the request, from 0.
        index: usize,
        /// What the same order would have been answered alone.
        #[schema(value_type = ProblemDetails)]
        problem: Value,
    },
}

/// Submit many orders
///
/// Up to 1,000, each with a verdict of its own: those at fault are refused, the others accepted. A row with an `idempotency_key`, or
/// any row of a request with an `Idempotency-Key`, can be sent again until it is answered, alone or among others. A row without a key of
/// its own goes by the request's key and its place.
#[utoipa::path(
    post, path = "/api/v1/orders/bulk", operation_id = "submitOrders", tag = "orders",
    params(KeyHeader),
    request_body = BulkOrders,
    responses((status = 200, description = "A verdict for each order.", body = Verdicts))
)]
pub(super) async fn submit(
    State(state): State<ApiState>,
    actor: Actor,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    headers: HeaderMap,
    body: JsonBody<MAX_BODY>,
) -> Result<Json<Verdicts>, Problem> {
    let of_request = read_key(&headers, &actor, body.fingerprint)?;
    let rows = read_rows(&body.object)?;
    let submissions: Vec<Result<Submission, Problem>> = rows
        .iter()
        .enumerate()
        .map(|(index, row)| read_row(index, row, of_request.as_ref(), &actor, &correlation_id))
        .collect();
    let answers = submit_all(&state, submissions).await;
    if answers.iter().all(|answer| answer.as_ref().is_err_and(|problem| problem.kind == ProblemKind::Overloaded)) {
        return Err(Problem::new(ProblemKind::Overloaded, "none of the orders could be taken at the moment"));
    }
    let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
    tracing::info!(rows = answers.len(), accepted, "orders in bulk");
    let refused = answers.len() - accepted;
    let results = answers.into_iter().enumerate().map(|(index, answer)| verdict(index, answer)).collect();
    Ok(Json(Verdicts { accepted, refused, results }))
}

fn read_rows(object: &Map<String, Value>) -> Result<&[Value], Problem> {
    let mut fields = Fields::new(object, "");
    let rows = fields.list("orders", MOST);
    let errors = fields.faults();
    match rows {
        Some(rows) if errors.is_empty() => Ok(rows),
        Some(_) | None => Err(Problem::validation(errors)),
    }
}

/// A row is an order and perhaps its own key; without one it goes by the request's key and its place.
fn read_row(
    index: usize,
    row: &Value,
    of_request: Option<&IdempotencyKey>,
    actor: &Actor,
    correlation_id: &str,
) -> Result<Submission, Problem> {
    let Value::Object(object) = row else {
        let detail = "the row must be a JSON object".to_owned();
        return Err(Problem::validation(vec![FieldError { pointer: String::new(), detail }]));
    };
    let mut order = object.clone();
    let key = match order.remove(ROW_KEY) {
        None | Some(Value::Null) => of_request.map(|key| format!("{}#{index}", key.key)),
        Some(Value::String(text)) => Some(crate::intake::read_key(text.as_bytes()).map_err(|error| fault(&error))?),
        Some(_) => return Err(fault(&"must be a string")),
    };
    // the object's keys are sorted, so the same order has the same text however it was written
    let fingerprint = Fingerprint::of(Value::Object(order.clone()).to_string().as_bytes());
    let key = key.map(|key| IdempotencyKey { scope: actor.to_string(), key, fingerprint });
    let form = read_order(&order, Source::Http).map_err(of_unreadable)?;
    placed_by(actor, &form)?;
    Ok(Submission { form, correlation_id: correlation_id.to_owned(), actor: actor.to_string(), key })
}

fn fault(error: &dyn std::fmt::Display) -> Problem {
    Problem::validation(vec![FieldError { pointer: format!("/{ROW_KEY}"), detail: error.to_string() }])
}

/// All at the same time, so that they share transactions; rows that repeat an earlier row's key after that row is answered.
async fn submit_all(
    state: &ApiState,
    submissions: Vec<Result<Submission, Problem>>,
) -> Vec<Result<Acceptance, Problem>> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut answers: Vec<Option<Result<Acceptance, Problem>>> = submissions.iter().map(|_| None).collect();
    let (mut first, mut repeated) = (Vec::new(), Vec::new());
    for (index, submission) in submissions.into_iter().enumerate() {
        match submission {
            Err(problem) => answers[index] = Some(Err(problem)),
            Ok(submission) => {
                let name = submission.key.as_ref().map(|key| key.key.clone());
                let is_new = name.is_none_or(|name| seen.insert(name, index).is_none());
                if is_new { first.push((index, submission)) } else { repeated.push((index, submission)) }
            }
        }
    }
    for round in [first, repeated] {
        let submitted = round.into_iter().map(|(index, one)| async move { (index, state.intake.submit(one).await) });
        for (index, verdict) in join_all(submitted).await {
            answers[index] = Some(verdict.map_err(of_refused));
        }
    }
    answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(of_refused(Refused::Internal)))).collect()
}

fn verdict(index: usize, answer: Result<Acceptance, Problem>) -> Verdict {
    let accepted = answer.and_then(|acceptance| {
        let order = RawValue::from_string(acceptance.body).map_err(|_| of_refused(Refused::Internal))?;
        Ok((order, acceptance.replayed))
    });
    match accepted {
        Ok((order, replayed)) => Verdict::Accepted { index, replayed, order },
        Err(problem) => Verdict::Refused { index, problem: problem.to_json() },
    }
}
