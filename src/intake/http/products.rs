//! `/api/v1/products`: create, show, list, change, take off the shop; the history of prices.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::cursor;
use super::json_body::JsonBody;
use super::parameters::{PAGE, PageParameters, Parameters};
use super::problem::ProblemKind::{Conflict, NotFound};
use super::problem::{Problem, ProblemKind, of_database};
use super::router::ApiState;
use crate::access::Actor;
use crate::contract::{Fields, requests};
use crate::domain::Sku;
use crate::intake::import::MAX_UNITS;
use crate::store::product_changes::{self, NewProduct, PriceEntry, ProductChange};
use crate::store::products::{self, Product, ProductFilter};

/// Longest name of a product and longest reason of what people do, in characters.
const MAX_TEXT: usize = 255;
/// In the ledger, beside the first units of a product.
const CREATED: &str = "created";

/// Create a product
#[utoipa::path(
    post, path = "/api/v1/products", operation_id = "createProduct", tag = "products",
    request_body = requests::NewProduct,
    responses((
        status = 201, description = "Created.", body = Product,
        headers(("Location" = String, description = "Where the product is shown."))
    )),
    extensions(("x-problems" = json!([Conflict])))
)]
pub(super) async fn create(State(state): State<ApiState>, actor: Actor, body: JsonBody) -> Result<Response, Problem> {
    let new = read_product(&body)?;
    let mut connection = state.connection().await?;
    let created =
        product_changes::create_all(&mut connection, std::slice::from_ref(&new), CREATED, &actor.to_string()).await;
    if created.map_err(|error| of_database(&error))?.is_empty() {
        return Err(Problem::new(ProblemKind::Conflict, "a product with this sku exists already"));
    }
    let stored = products::find(&mut connection, &new.sku).await.map_err(|error| of_database(&error))?;
    let product = stored.ok_or_else(unknown)?;
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
    actor: Actor,
    sku: Result<Path<Sku>, PathRejection>,
    body: JsonBody,
) -> Result<Json<Product>, Problem> {
    let Path(sku) = sku.map_err(|_| unknown())?;
    change(&state, read_change(sku, &body)?, &actor).await
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
    actor: Actor,
    sku: Result<Path<Sku>, PathRejection>,
) -> Result<Json<Product>, Problem> {
    let Path(sku) = sku.map_err(|_| unknown())?;
    let nothing_else = ProductChange { sku, name: None, price: None, active: Some(false), low_stock_threshold: None };
    change(&state, nothing_else, &actor).await
}

async fn change(state: &ApiState, change: ProductChange, actor: &Actor) -> Result<Json<Product>, Problem> {
    let mut connection = state.connection().await?;
    let changed = product_changes::update_all(&mut connection, std::slice::from_ref(&change), &actor.to_string()).await;
    if changed.map_err(|error| of_database(&error))? == 0 {
        return Err(unknown());
    }
    tracing::info!(sku = %change.sku, "product changed");
    let product = products::find(&mut connection, &change.sku).await.map_err(|error| of_database(&error))?;
    product.map(Json).ok_or_else(unknown)
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

/// List the prices that a product had, the newest first
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
    let unknown = fields.unknown();
    let mut errors = fields.errors;
    errors.extend(unknown);
    Problem::validation(errors)
}

/// A sku may hold a slash, the one character of its alphabet that a path segment may not.
fn path_segment(sku: &Sku) -> String {
    sku.as_str().replace('/', "%2F")
}
