//! `/api/v1/products`: create, show, list, adjust the stock.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::caller::{Caller, Change};
use super::cursor;
use super::json_body::JsonBody;
use super::parameters::{PAGE, PageParameters, Parameters};
use super::problem::ProblemKind::{Conflict, NotFound};
use super::problem::{Problem, ProblemKind, of_database};
use super::router::ApiState;
use crate::contract::{Fields, requests};
use crate::domain::Sku;
use crate::store::products::{self, AdjustError, CreateError, NewProduct, Product};

/// Most units in one movement: far above any shop's, far below where sums could overflow.
const MAX_UNITS: i64 = 1_000_000_000;
/// Longest name of a product and longest reason of an adjustment, in characters.
const MAX_TEXT: usize = 255;

/// Create a product
///
/// With its first stock, which is also the first line of its ledger.
#[utoipa::path(
    post, path = "/api/v1/products", operation_id = "createProduct", tag = "products",
    request_body = requests::NewProduct,
    responses((
        status = 201, description = "Created.", body = Product,
        headers(("Location" = String, description = "Where the product is shown."))
    )),
    extensions(("x-problems" = json!([Conflict])))
)]
pub(super) async fn create(State(state): State<ApiState>, caller: Caller, body: JsonBody) -> Result<Response, Problem> {
    let new = read_product(&body)?;
    let mut transaction = state.transaction().await?;
    products::create(&mut transaction, &new).await.map_err(of_create)?;
    let stored = products::find(&mut transaction, &new.sku).await.map_err(|error| of_database(&error))?;
    let product = stored.ok_or_else(unknown)?;
    let after = json!(product);
    let change = Change { after: Some(&after), ..Change::default() };
    caller.did(&mut transaction, "product.create", &target(&new.sku), change).await?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    tracing::info!(sku = %product.sku, stock = product.on_hand, "product created");
    let location = format!("/api/v1/products/{}", path_segment(&product.sku));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(product)).into_response())
}

fn read_product(body: &JsonBody) -> Result<NewProduct, Problem> {
    let mut fields = Fields::new(&body.object, "");
    let sku = fields.text("sku", |text| Sku::parse(text));
    let name = fields.text("name", short_text);
    let price = fields.optional_money("price");
    if !body.object.contains_key("price") || body.object["price"].is_null() {
        fields.fault("price", "is required");
    }
    let stock = units_or_zero(&mut fields, "stock");
    let low_stock_threshold = units_or_zero(&mut fields, "low_stock_threshold");
    match (sku, name, price, stock, low_stock_threshold) {
        (Some(sku), Some(name), Some(price), Some(stock), Some(low_stock_threshold)) if unfaulted(&fields) => {
            Ok(NewProduct { sku, name, price, stock, low_stock_threshold })
        }
        _ => Err(faults(fields)),
    }
}

/// Show a product with its stock
///
/// A slash in the sku is written as `%2F`.
#[utoipa::path(
    get, path = "/api/v1/products/{sku}", operation_id = "getProduct", tag = "products",
    params(("sku" = Sku, Path)),
    responses((status = 200, description = "The product.", body = Product)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn show(
    State(state): State<ApiState>,
    sku: Result<Path<Sku>, PathRejection>,
) -> Result<Json<Product>, Problem> {
    let Path(sku) = sku.map_err(|_| unknown())?;
    let mut connection = state.connection().await?;
    let product = products::find(&mut connection, &sku).await.map_err(|error| of_database(&error))?;
    product.map(Json).ok_or_else(unknown)
}

#[derive(Serialize, ToSchema)]
pub(super) struct ProductPage {
    /// In the order of their skus.
    products: Vec<Product>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

/// List products
///
/// In the order of their skus, page by page.
#[utoipa::path(
    get, path = "/api/v1/products", operation_id = "listProducts", tag = "products",
    params(PageParameters),
    responses((status = 200, description = "A page of products.", body = ProductPage))
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    mut parameters: Parameters,
) -> Result<Json<ProductPage>, Problem> {
    let after = parameters.optional("cursor", cursor::read_product);
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    let mut connection = state.connection().await?;
    let page = products::page(&mut connection, after.as_ref().map_or("", Sku::as_str), limit + 1).await;
    let mut products = page.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut products, limit, |last| cursor::of_product(&last.sku));
    Ok(Json(ProductPage { products, next_cursor }))
}

/// Adjust the stock of a product
///
/// For what comes and goes by hand: deliveries, breakage, counts. The stock never falls below what orders have reserved.
#[utoipa::path(
    post, path = "/api/v1/products/{sku}/adjustments", operation_id = "adjustStock", tag = "products",
    params(("sku" = Sku, Path)),
    request_body = requests::Adjustment,
    responses((status = 200, description = "The product with its new stock.", body = Product)),
    extensions(("x-problems" = json!([NotFound, Conflict])))
)]
pub(super) async fn adjust(
    State(state): State<ApiState>,
    caller: Caller,
    sku: Result<Path<Sku>, PathRejection>,
    body: JsonBody,
) -> Result<Json<Product>, Problem> {
    let Path(sku) = sku.map_err(|_| unknown())?;
    let mut fields = Fields::new(&body.object, "");
    let delta = fields.whole("delta", -MAX_UNITS, MAX_UNITS);
    if delta == Some(0) {
        fields.fault("delta", "must not be zero");
    }
    let reason = fields.text("reason", short_text);
    let (delta, reason) = match (delta, reason) {
        (Some(delta), Some(reason)) if unfaulted(&fields) => (delta, reason),
        _ => return Err(faults(fields)),
    };
    let mut transaction = state.transaction().await?;
    let product = products::adjust(&mut transaction, &sku, delta, &reason).await.map_err(of_adjust)?;
    let before = json!({"on_hand": product.on_hand - delta});
    let after = json!({"on_hand": product.on_hand});
    let change = Change { before: Some(&before), after: Some(&after), reason: Some(&reason) };
    caller.did(&mut transaction, "stock.adjust", &target(&sku), change).await?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    tracing::info!(%sku, delta, on_hand = product.on_hand, "stock adjusted");
    Ok(Json(product))
}

fn of_create(error: CreateError) -> Problem {
    match error {
        CreateError::Exists => Problem::new(ProblemKind::Conflict, error.to_string()),
        CreateError::Database(error) => of_database(&error),
    }
}

fn of_adjust(error: AdjustError) -> Problem {
    match error {
        AdjustError::Unknown => unknown(),
        AdjustError::BelowReserved => Problem::new(ProblemKind::Conflict, error.to_string()),
        AdjustError::Database(error) => of_database(&error),
    }
}

/// As the audit log names a product.
fn target(sku: &Sku) -> String {
    format!("product:{sku}")
}

fn unknown() -> Problem {
    Problem::new(ProblemKind::NotFound, "no product has this sku")
}

fn short_text(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        1..=MAX_TEXT if text.chars().any(char::is_control) => Err("must not contain control characters".to_owned()),
        1..=MAX_TEXT => Ok(text.to_owned()),
        _ => Err(format!("must have 1 to {MAX_TEXT} characters")),
    }
}

fn units_or_zero(fields: &mut Fields<'_>, name: &'static str) -> Option<i64> {
    if fields.value(name).is_none() { Some(0) } else { fields.whole(name, 0, MAX_UNITS) }
}

fn unfaulted(fields: &Fields<'_>) -> bool {
    fields.errors.is_empty() && fields.unknown().is_empty()
}

fn faults(fields: Fields<'_>) -> Problem {
    let unknown = fields.unknown();
    let mut errors = fields.errors;
    errors.extend(unknown);
    Problem::validation(errors)
}

/// A sku may hold a slash, the one character of its alphabet that a path segment may not.
fn path_segment(sku: &Sku) -> String {
    sku.as_str().replace('/', "%2F")
}
