//! `/api/v1/products`: create, show, list, change, take off the shop; the history of prices.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::caller::{Caller, Change};
use super::cursor;
use super::json_body::JsonBody;
use super::parameters::{PAGE, PageParameters, Parameters};
use super::problem::ProblemKind::{Conflict, NotFound};
use super::problem::{Problem, ProblemKind, of_database};
use super::router::ApiState;
use crate::contract::{Fields, requests};
use crate::domain::{Money, Sku};
use crate::intake::import::MAX_UNITS;
use crate::store::product_changes::{self, LockedProduct, NewProduct, PriceEntry, ProductChange};
use crate::store::products::{self, Product, ProductFilter};

/// Longest name of a product and longest reason of what people do, in characters.
const MAX_TEXT: usize = 255;
/// In the ledger, beside the first units of a product.
const CREATED: &str = "created";

/// Create a product
///
/// With its first stock, which is also the first line of its ledger, and the first of its prices.
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
    let actor = caller.actor.to_string();
    let created = product_changes::create_all(&mut transaction, std::slice::from_ref(&new), CREATED, &actor).await;
    if created.map_err(|error| of_database(&error))?.is_empty() {
        return Err(Problem::new(ProblemKind::Conflict, "a product with this sku exists already"));
    }
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
    let active = fields.optional_flag("active").unwrap_or(true);
    match (sku, name, price, stock, low_stock_threshold) {
        (Some(sku), Some(name), Some(price), Some(stock), Some(low_stock_threshold)) if unfaulted(&fields) => {
            Ok(NewProduct { sku, name, price, active, stock, low_stock_threshold })
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
    params(("active" = Option<bool>, Query, description = "Only products that can be ordered, or only those that cannot."), PageParameters),
    responses((status = 200, description = "A page of products.", body = ProductPage))
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    mut parameters: Parameters,
) -> Result<Json<ProductPage>, Problem> {
    let active = parameters.optional("active", |text| text.parse::<bool>().map_err(|_| "must be true or false"));
    list_filtered(&state, parameters, ProductFilter { active, only_low: false }).await
}

/// A page of the products that the filter lets through.
pub(super) async fn list_filtered(
    state: &ApiState,
    mut parameters: Parameters,
    filter: ProductFilter,
) -> Result<Json<ProductPage>, Problem> {
    let after = parameters.optional("cursor", cursor::read_product);
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    let mut connection = state.connection().await?;
    let page = products::page(&mut connection, filter, after.as_ref().map_or("", Sku::as_str), limit + 1).await;
    let mut products = page.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut products, limit, |last| cursor::of_product(&last.sku));
    Ok(Json(ProductPage { products, next_cursor }))
}

/// Change a product
///
/// What is not named stays as it is. Orders keep the prices that they were accepted at; a product that is not active cannot be ordered.
#[utoipa::path(
    patch, path = "/api/v1/products/{sku}", operation_id = "changeProduct", tag = "products",
    params(("sku" = Sku, Path)),
    request_body = requests::ProductChange,
    responses((status = 200, description = "The product as it is now.", body = Product)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn update(
    State(state): State<ApiState>,
    caller: Caller,
    sku: Result<Path<Sku>, PathRejection>,
    body: JsonBody,
) -> Result<Json<Product>, Problem> {
    let Path(sku) = sku.map_err(|_| unknown())?;
    change(&state, read_change(sku, &body)?, &caller, "product.change").await
}

/// Take a product off the shop
///
/// It cannot be ordered any more, and stays for the orders that have it. To do it again changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/products/{sku}", operation_id = "deactivateProduct", tag = "products",
    params(("sku" = Sku, Path)),
    responses((status = 200, description = "The product, not active.", body = Product)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn deactivate(
    State(state): State<ApiState>,
    caller: Caller,
    sku: Result<Path<Sku>, PathRejection>,
) -> Result<Json<Product>, Problem> {
    let Path(sku) = sku.map_err(|_| unknown())?;
    let nothing_else = ProductChange { sku, name: None, price: None, active: Some(false), low_stock_threshold: None };
    change(&state, nothing_else, &caller, "product.deactivate").await
}

/// `action`: its name in the audit log.
async fn change(
    state: &ApiState,
    change: ProductChange,
    caller: &Caller,
    action: &str,
) -> Result<Json<Product>, Problem> {
    let sku = &change.sku;
    let mut transaction = state.transaction().await?;
    let locked = product_changes::lock_all(&mut transaction, &[sku]).await.map_err(|error| of_database(&error))?;
    let LockedProduct { name, price, active, low_stock_threshold, shelf: _ } = locked.get(sku).ok_or_else(unknown)?;
    let before = manageable(name, *price, *active, *low_stock_threshold);
    let actor = caller.actor.to_string();
    let changed = product_changes::update_all(&mut transaction, std::slice::from_ref(&change), &actor).await;
    changed.map_err(|error| of_database(&error))?;
    let product = products::find(&mut transaction, sku).await.map_err(|error| of_database(&error))?;
    let product = product.ok_or_else(unknown)?;
    let after = manageable(&product.name, product.price, product.active, product.low_stock_threshold);
    let audited = Change { before: Some(&before), after: Some(&after), reason: None };
    caller.did(&mut transaction, action, &target(sku), audited).await?;
    transaction.commit().await.map_err(|error| of_database(&error))?;
    tracing::info!(%sku, "product changed");
    Ok(Json(product))
}

/// What people can change of a product, for the audit log.
fn manageable(name: &str, price: Money, active: bool, low_stock_threshold: i64) -> Value {
    json!({"name": name, "price": price, "active": active, "low_stock_threshold": low_stock_threshold})
}

fn read_change(sku: Sku, body: &JsonBody) -> Result<ProductChange, Problem> {
    let mut fields = Fields::new(&body.object, "");
    let name = fields.optional_text("name", short_text);
    let price = fields.optional_money("price");
    let active = fields.optional_flag("active");
    let low_stock_threshold = match fields.value("low_stock_threshold") {
        Some(_) => fields.whole("low_stock_threshold", 0, MAX_UNITS),
        None => None,
    };
    if body.object.contains_key("stock") {
        fields.fault("stock", "is changed by an adjustment, which says why: POST …/adjustments");
        fields.value("stock");
    }
    if !unfaulted(&fields) {
        return Err(faults(fields));
    }
    Ok(ProductChange { sku, name, price, active, low_stock_threshold })
}

#[derive(Serialize, ToSchema)]
pub(super) struct PricePage {
    /// The newest first: each holds until the one before it begins.
    prices: Vec<PriceEntry>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

/// List the prices that a product had
///
/// The newest first, with when each began and who set it. Orders keep the price at which they were accepted.
#[utoipa::path(
    get, path = "/api/v1/products/{sku}/prices", operation_id = "listPrices", tag = "products",
    params(("sku" = Sku, Path), PageParameters),
    responses((status = 200, description = "A page of prices.", body = PricePage)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn prices(
    State(state): State<ApiState>,
    sku: Result<Path<Sku>, PathRejection>,
    mut parameters: Parameters,
) -> Result<Json<PricePage>, Problem> {
    let Path(sku) = sku.map_err(|_| unknown())?;
    let before = parameters.optional("cursor", |text| text.parse::<i64>().map_err(|_| cursor::ForeignCursor));
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    let mut connection = state.connection().await?;
    if products::find(&mut connection, &sku).await.map_err(|error| of_database(&error))?.is_none() {
        return Err(unknown());
    }
    let page = product_changes::prices(&mut connection, &sku, before.unwrap_or(i64::MAX), limit + 1).await;
    let mut prices = page.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut prices, limit, |last| last.id.to_string());
    Ok(Json(PricePage { prices, next_cursor }))
}

/// As the audit log names a product.
pub(super) fn target(sku: &Sku) -> String {
    format!("product:{sku}")
}

pub(super) fn unknown() -> Problem {
    Problem::new(ProblemKind::NotFound, "no product has this sku")
}

pub(super) fn short_text(text: &str) -> Result<String, String> {
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

pub(super) fn unfaulted(fields: &Fields<'_>) -> bool {
    fields.errors.is_empty() && fields.unknown().is_empty()
}

pub(super) fn faults(fields: Fields<'_>) -> Problem {
    Problem::validation(fields.faults())
}

/// A sku may hold a slash, the one character of its alphabet that a path segment may not.
fn path_segment(sku: &Sku) -> String {
    sku.as_str().replace('/', "%2F")
}
