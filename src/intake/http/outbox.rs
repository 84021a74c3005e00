//! `/api/v1/outbox`: the messages that the broker does not want, and another turn for them.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::caller::{Caller, Change};
use super::json_body::JsonBody;
use super::parameters::{PAGE, PageParameters, Parameters};
use super::problem::{Problem, of_database};
use super::router::ApiState;
use crate::contract::requests::Retry;
use crate::contract::status::ParkedMessage;
use crate::contract::{Fields, whole_number};
use crate::store::{outbox, outbox_queries};

/// Most ids of one request: more are all.
const MOST: usize = 1_000;

#[derive(Serialize, ToSchema)]
pub(super) struct ParkedPage {
    /// The oldest first.
    messages: Vec<ParkedMessage>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

/// List messages that the broker does not want
///
/// They are tried again by themselves every half minute. What they say is not shown: it may hold personal data.
#[utoipa::path(
    get, path = "/api/v1/outbox/parked", operation_id = "listParkedMessages", tag = "operations",
    params(PageParameters),
    responses((status = 200, description = "A page of parked messages.", body = ParkedPage))
)]
pub(super) async fn parked(
    State(state): State<ApiState>,
    mut parameters: Parameters,
) -> Result<Json<ParkedPage>, Problem> {
    let after = parameters.optional("cursor", |text| {
        text.parse::<i64>().map_err(|_| "is not a cursor of this list; take next_cursor from the page before")
    });
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    let mut connection = state.connection().await?;
    let found = outbox_queries::parked(&mut connection, after.unwrap_or(i64::MIN), limit + 1).await;
    let mut messages = found.map_err(|error| of_database(&error))?;
    let next_cursor = super::cursor::cut(&mut messages, limit, |last| last.id.to_string());
    Ok(Json(ParkedPage { messages, next_cursor }))
}

/// What became of a retry.
#[derive(Serialize, ToSchema)]
pub(super) struct Retried {
    /// Messages that get another turn at once.
    retried: u64,
    /// Ids that were not parked: published meanwhile, waiting for their turn, or never there.
    not_parked: Vec<i64>,
}

/// Which messages are meant.
#[derive(Debug, PartialEq, Eq)]
enum Chosen {
    All,
    These(Vec<i64>),
}

/// Give parked messages another turn
///
/// At once, some of them or all; for an operator who has mended the cause.
#[utoipa::path(
    post, path = "/api/v1/outbox/retries", operation_id = "retryParkedMessages", tag = "operations",
    request_body = Retry,
    responses((status = 200, description = "What became of it.", body = Retried))
)]
pub(super) async fn retry(
    State(state): State<ApiState>,
    caller: Caller,
    body: JsonBody,
) -> Result<Json<Retried>, Problem> {
    let chosen = read_chosen(&body)?;
    let mut transaction = state.transaction().await?;
    let retried = match chosen {
        Chosen::All => {
            let retried = outbox::unpark_all(&mut transaction).await.map_err(|error| of_database(&error))?;
            Retried { retried, not_parked: Vec::new() }
        }
        Chosen::These(ids) => {
            let again = outbox_queries::unpark(&mut transaction, &ids).await.map_err(|error| of_database(&error))?;
            let not_parked = ids.into_iter().filter(|id| !again.contains(id)).collect();
            Retried { retried: again.len() as u64, not_parked }
        }
    };
    let asked = Value::Object(body.object);
    caller.did(&mut transaction, "outbox.retry", "outbox", Change { after: Some(&asked), ..Change::default() }).await?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    tracing::info!(retried = retried.retried, "parked messages get another turn, by an operator");
    Ok(Json(retried))
}

fn read_chosen(body: &JsonBody) -> Result<Chosen, Problem> {
    let mut fields = Fields::new(&body.object, "");
    let all = fields.value("all");
    let ids = fields.value("ids");
    let chosen = match (all, ids) {
        (Some(Value::Bool(true)), None) => Some(Chosen::All),
        (None, Some(Value::Array(ids))) if (1..=MOST).contains(&ids.len()) => {
            let read: Option<Vec<i64>> = ids.iter().map(whole_number).collect();
            if read.is_none() {
                fields.fault("ids", "must be whole numbers, as the list of parked messages shows them");
            }
            read.map(|mut ids| {
                ids.sort_unstable();
                ids.dedup();
                Chosen::These(ids)
            })
        }
        (None, Some(_)) => {
            fields.fault("ids", format!("must be a list of 1 to {MOST} ids"));
            None
        }
        (Some(_), None) => {
            fields.fault("all", "must be true");
            None
        }
        (Some(_), Some(_)) => {
            fields.fault("all", "must not be given together with ids");
            None
        }
        (None, None) => {
            fields.fault("ids", "is required, or all");
            None
        }
    };
    let errors = fields.faults();
    match chosen {
        Some(chosen) if errors.is_empty() => Ok(chosen),
        Some(_) | None => Err(Problem::validation(errors)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::intake::Fingerprint;

    fn read(body: Value) -> Result<Chosen, Vec<String>> {
        let object = body.as_object().cloned().expect("an object");
        let body = JsonBody { object, fingerprint: Fingerprint::of(b"") };
        read_chosen(&body).map_err(|problem| problem.errors.into_iter().map(|error| error.pointer).collect())
    }

    #[test]
    fn either_all_or_ids_are_meant_and_nothing_by_accident() {
        assert_eq!(read(json!({"all": true})), Ok(Chosen::All));
        assert_eq!(read(json!({"ids": [7, 3, 7]})), Ok(Chosen::These(vec![3, 7])));
        for (body, pointer) in [
            (json!({}), "/ids"),
            (json!({"ids": []}), "/ids"),
            (json!({"ids": 7}), "/ids"),
            (json!({"ids": ["7"]}), "/ids"),
            (json!({"ids": [1.5]}), "/ids"),
            (json!({"all": false}), "/all"),
            (json!({"all": true, "ids": [1]}), "/all"),
            (json!({"all": true, "everything": true}), "/everything"),
        ] {
            assert_eq!(read(body.clone()), Err(vec![pointer.to_owned()]), "{body}");
        }
    }
}
