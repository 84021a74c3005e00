//! `/api/v1/inventory`: reservations, the ledger of movements, low stock, sums; and how one shelf was at some time.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::cursor;
use super::parameters::{PAGE, PageParameters, Parameters};
use super::problem::ProblemKind::NotFound;
use super::problem::{Problem, ProblemKind, of_database};
use super::products::{ProductPage, list_filtered, unknown};
use super::router::ApiState;
use crate::contract::read_moment;
use crate::domain::inventory::ReservationStatus;
use crate::domain::{OrderId, Sku};
use crate::store::inventory_queries::{
    self, InventorySummary, ReservationFilter, ReservationView, StockView, TransactionFilter, TransactionView,
    kind_named,
};
use crate::store::products::ProductFilter;

#[derive(Serialize, ToSchema)]
pub(super) struct ReservationPage {
    reservations: Vec<ReservationView>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

/// List reservations
///
/// The open ones, unless a status or an order is asked for.
#[utoipa::path(
    get, path = "/api/v1/inventory/reservations", operation_id = "listReservations", tag = "inventory",
    params(
        ("sku" = Option<Sku>, Query, description = "Only reservations of this product."),
        ("order_id" = Option<OrderId>, Query, description = "Only that of this order."),
        ("status" = Option<String>, Query, pattern = "^(all|reserved|committed|released|rejected|returned)$",
         description = "`reserved` is open, `committed` sold, `returned` sold and come back; `all` for every one."),
        PageParameters
    ),
    responses((status = 200, description = "A page of reservations.", body = ReservationPage))
)]
pub(super) async fn reservations(
    State(state): State<ApiState>,
    mut parameters: Parameters,
) -> Result<Json<ReservationPage>, Problem> {
    let sku = parameters.optional("sku", |text| Sku::parse(text));
    let order = parameters.optional("order_id", read_order);
    let status = parameters.optional("status", read_status);
    let before = parameters.optional("cursor", |text| text.parse().map(OrderId).map_err(|_| cursor::ForeignCursor));
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    let status = match status {
        Some(status) => status,
        None if order.is_some() => None,
        None => Some(ReservationStatus::Reserved),
    };
    let filter = ReservationFilter { status, sku, order };
    let before = before.unwrap_or(OrderId(Uuid::max()));
    let mut connection = state.connection().await?;
    let page = inventory_queries::reservations(&mut connection, &filter, before, limit + 1).await;
    let mut reservations = page.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut reservations, limit, |last| last.order_id.to_string());
    Ok(Json(ReservationPage { reservations, next_cursor }))
}

/// The inner `None`: all of them.
fn read_status(text: &str) -> Result<Option<ReservationStatus>, String> {
    match (text, ReservationStatus::parse(text)) {
        ("all", _) => Ok(None),
        (_, Some(status)) => Ok(Some(status)),
        (_, None) => Err(format!("must be all, {}", ReservationStatus::ALL.map(ReservationStatus::as_str).join(", "))),
    }
}

fn read_order(text: &str) -> Result<OrderId, &'static str> {
    text.parse().map(OrderId).map_err(|_| "must be a UUID")
}

#[derive(Serialize, ToSchema)]
pub(super) struct TransactionPage {
    transactions: Vec<TransactionView>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

/// List movements of stock
///
/// The ledger: every unit that came, was promised, sold or came back; the newest first. What people did carries who and why.
#[utoipa::path(
    get, path = "/api/v1/inventory/transactions", operation_id = "listStockTransactions", tag = "inventory",
    params(
        ("sku" = Option<Sku>, Query, description = "Only movements of this product."),
        ("order_id" = Option<OrderId>, Query, description = "Only movements that this order made."),
        ("kind" = Option<String>, Query, pattern = "^(initial|adjust|reserve|release|commit|return)$", description = "Only movements of this kind."),
        PageParameters
    ),
    responses((status = 200, description = "A page of the ledger.", body = TransactionPage))
)]
pub(super) async fn transactions(
    State(state): State<ApiState>,
    mut parameters: Parameters,
) -> Result<Json<TransactionPage>, Problem> {
    let sku = parameters.optional("sku", |text| Sku::parse(text));
    let order = parameters.optional("order_id", read_order);
    let kind = parameters.optional("kind", |text| kind_named(text).ok_or("is not a kind of movement"));
    let before = parameters.optional("cursor", |text| text.parse::<i64>().map_err(|_| cursor::ForeignCursor));
    let limit = parameters.whole("limit", PAGE);
    parameters.finish()?;
    let filter = TransactionFilter { sku, kind, order };
    let mut connection = state.connection().await?;
    let page = inventory_queries::transactions(&mut connection, &filter, before.unwrap_or(i64::MAX), limit + 1).await;
    let mut transactions = page.map_err(|error| of_database(&error))?;
    let next_cursor = cursor::cut(&mut transactions, limit, |last| last.id.to_string());
    Ok(Json(TransactionPage { transactions, next_cursor }))
}

/// List products that run out
///
/// Active products with no more units available than their threshold, those without any included.
#[utoipa::path(
    get, path = "/api/v1/inventory/low-stock", operation_id = "listLowStock", tag = "inventory",
    params(PageParameters),
    responses((status = 200, description = "A page of products.", body = ProductPage))
)]
pub(super) async fn low_stock(
    State(state): State<ApiState>,
    parameters: Parameters,
) -> Result<Json<ProductPage>, Problem> {
    list_filtered(&state, parameters, ProductFilter { active: Some(true), only_low: true }).await
}

/// Sum up the stock of the shop
///
/// Units on hand, promised and available, their value at today's prices, and how many products run out.
#[utoipa::path(
    get, path = "/api/v1/inventory/summary", operation_id = "summarizeInventory", tag = "inventory",
    responses((status = 200, description = "The sums.", body = InventorySummary))
)]
pub(super) async fn summary(
    State(state): State<ApiState>,
    parameters: Parameters,
) -> Result<Json<InventorySummary>, Problem> {
    parameters.finish()?;
    let mut connection = state.connection().await?;
    inventory_queries::summary(&mut connection).await.map(Json).map_err(|error| of_database(&error))
}

/// Show the stock of a product as it was at some time
///
/// Counted back from the present by the ledger of movements, with the price of that time.
#[utoipa::path(
    get, path = "/api/v1/products/{sku}/stock", operation_id = "getStock", tag = "products",
    params(
        ("sku" = Sku, Path),
        ("at" = Option<OffsetDateTime>, Query, description = "Absent means now.")
    ),
    responses((status = 200, description = "The shelf after the last movement until then.", body = StockView)),
    extensions(("x-problems" = json!([NotFound])))
)]
pub(super) async fn stock_at(
    State(state): State<ApiState>,
    sku: Result<Path<Sku>, PathRejection>,
    mut parameters: Parameters,
) -> Result<Json<StockView>, Problem> {
    let Path(sku) = sku.map_err(|_| unknown())?;
    let at = parameters.optional("at", read_moment);
    parameters.finish()?;
    let at = at.unwrap_or_else(OffsetDateTime::now_utc);
    let mut connection = state.connection().await?;
    let stock = inventory_queries::stock_at(&mut connection, &sku, at).await.map_err(|error| of_database(&error))?;
    stock.map(Json).ok_or_else(|| Problem::new(ProblemKind::NotFound, "no product had this sku at that time"))
}
