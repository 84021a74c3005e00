//! `POST /api/v1/inventory/imports`: products and stock from a CSV file.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::caller::{Caller, Change};
use super::json_body::read_body;
use super::parameters::Parameters;
use super::problem::{Problem, ProblemKind, of_database};
use super::router::ApiState;
use crate::intake::import::{self, RowReport, RowVerdict, UnreadableFile};

/// Largest file: ten thousand rows with long names.
const MAX_FILE: usize = 4 << 20;

/// What became of a file.
#[derive(Serialize, ToSchema)]
pub(super) struct Imported {
    created: usize,
    updated: usize,
    unchanged: usize,
    refused: usize,
    /// Nothing was written: the file was only tried.
    dry_run: bool,
    /// In the order of the file.
    rows: Vec<RowReport>,
}

/// Import products and stock from a CSV file
///
/// The first line names the columns, in any order: `sku` (required), `name`, `price`, `stock`, `low_stock_threshold`, `active`. Products
/// that are there are changed, others are created (they need `name` and `price`). `stock` is what is on the shelf, so that importing
/// the same file again changes nothing. An empty cell says nothing. Each row has its verdict; rows with faults cost their neighbours
/// nothing. At most 10,000 rows.
#[utoipa::path(
    post, path = "/api/v1/inventory/imports", operation_id = "importProducts", tag = "inventory",
    params(("dry_run" = Option<bool>, Query, description = "`true` tries the file and writes nothing.", example = json!(true))),
    request_body(
        content = String, content_type = "text/csv",
        example = json!("sku,name,price,stock\nGADGET-01,\"Gadget, blue\",19.99,100\n")
    ),
    responses((status = 200, description = "What became of each row.", body = Imported))
)]
pub(super) async fn import(
    State(state): State<ApiState>,
    caller: Caller,
    mut parameters: Parameters,
    request: Request,
) -> Result<Json<Imported>, Problem> {
    let dry_run = parameters.optional("dry_run", |text| text.parse::<bool>().map_err(|_| "must be true or false"));
    parameters.finish()?;
    let dry_run = dry_run.unwrap_or(false);
    if !is_csv(request.headers().get(header::CONTENT_TYPE)) {
        let detail = "the header Content-Type must be text/csv";
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
    }
    let file = read_body(request, MAX_FILE).await?;
    let rows = import::read(&file).map_err(|UnreadableFile(faults)| Problem::validation(faults))?;
    let mut transaction = state.transaction().await?;
    let rows = import::import(&mut transaction, &rows, &caller.actor.to_string()).await;
    let rows = rows.map_err(|error| of_database(&error))?;
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let imported = Imported {
        created: count(RowVerdict::Created),
        updated: count(RowVerdict::Updated),
        unchanged: count(RowVerdict::Unchanged),
        refused: count(RowVerdict::Refused),
        dry_run,
        rows,
    };
    match dry_run {
        true => transaction.rollback().await,
        false => {
            let after = json!({"created": imported.created, "updated": imported.updated});
            let change = Change { after: Some(&after), ..Change::default() };
            // each product's prices and movements name the actor, too
            caller.did(&mut transaction, "product.import", "products", change).await?;
            transaction.commit().await
        }
    }
    .map_err(|error| of_database(&error))?;
    let Imported { created, updated, refused, .. } = &imported;
    tracing::info!(created, updated, refused, dry_run, "products imported");
    Ok(Json(imported))
}

/// `text/csv`, whatever parameters follow.
fn is_csv(content_type: Option<&HeaderValue>) -> bool {
    let text = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/csv")
}
