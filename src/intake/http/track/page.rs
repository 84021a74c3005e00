//! `/track/{token}`: the page itself.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use minijinja::{Value, context};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::html;
use super::words::{Line, STATIONS, Stage};
use crate::contract::tracking::Transition;
use crate::domain::{Item, Money, Order, OrderId};
use crate::intake::http::problem::{Problem, of_database};
use crate::intake::http::router::ApiState;
use crate::store::products::names;
use crate::store::{order_queries, tracking};

/// How a token looks; it belongs to nothing.
pub(super) const EXAMPLE: &str = "AQGh-84vC3xOmlE_K28djpAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// Longer histories are cut: the page is for reading.
const MOST_LINES: i64 = 200;

/// Show the customer's page
///
/// Where the order stands, its history and its items, live, for everybody who has the link: `tracking_url` of the order.
#[utoipa::path(
    get, path = "/track/{token}", operation_id = "showTrackingPage", tag = "tracking",
    params(("token" = String, Path, description = "The end of the link.", example = json!(EXAMPLE))),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 404, description = "A page that says that the link leads to no order.", body = String, content_type = "text/html"),
        (status = 503, description = "A page that tries again by itself.", body = String, content_type = "text/html")
    )
)]
pub(in crate::intake::http) async fn page(
    State(state): State<ApiState>,
    token: Result<Path<String>, PathRejection>,
) -> Response {
    // what is no text is no token
    let token = token.map(|Path(token)| token).unwrap_or_default();
    match view(&state, &token).await {
        Ok(Some(values)) => html::answer(StatusCode::OK, "page.html", values),
        Ok(None) => {
            let text = "Please check that you have the whole link, as it stands in your mail.";
            html::notice(StatusCode::NOT_FOUND, "This link leads to no order", text, false)
        }
        Err(_) => {
            let text = "This page tries again by itself in a few seconds. Nothing happens to your order by that.";
            html::notice(StatusCode::SERVICE_UNAVAILABLE, "We cannot look at the moment", text, true)
        }
    }
}

async fn view(state: &ApiState, token: &str) -> Result<Option<Value>, Problem> {
    let failed = |error: sqlx::Error| of_database(&error);
    let Some(id) = state.links.order(token).await.map_err(failed)? else { return Ok(None) };
    let mut connection = state.connection().await?;
    let Some(details) = order_queries::find(&mut connection, id).await.map_err(failed)? else { return Ok(None) };
    let history = tracking::of_orders(&mut connection, &[(id, 0)], MOST_LINES).await.map_err(failed)?;
    let skus: Vec<&str> = details.order.items.iter().map(|item| item.sku.as_str()).collect();
    let names = names(&mut connection, &skus).await.map_err(failed)?;
    let items = details.order.items.iter().map(|item| line(item, names.get(item.sku.as_str()).map(String::as_str)));
    Ok(Some(context! { token, items => items.collect::<Vec<_>>(), ..values(&details.order, &history) }))
}

fn values(order: &Order, history: &[Transition]) -> Value {
    let mut stations: [Option<OffsetDateTime>; STATIONS.len()] = [None; STATIONS.len()];
    // an order over AMQP has no line about its arrival
    stations[0] = Some(order.created_at);
    let mut reached = 0;
    let stages: Vec<Stage> = history.iter().map(Stage::of).collect();
    for (transition, stage) in history.iter().zip(&stages) {
        if let Some(now) = stage.reached.filter(|now| *now > reached) {
            stations[now] = Some(transition.at);
            reached = now;
        }
    }
    let stage = stages.last().cloned().unwrap_or_else(|| Stage::of(&arrived(order)));
    let steps = STATIONS.iter().zip(stations).enumerate().map(|(place, (name, at))| {
        let state = match (place <= reached, place == reached + 1) {
            (true, _) => "done",
            (false, true) => "next",
            (false, false) => "open",
        };
        context! { name => *name, state, at => at.map(moment) }
    });
    let ended_at = stage.ended.and(history.last()).map(|last| moment(last.at));
    let lines = history.iter().rev().map(|transition| {
        let Line { id, at, title, text } = Line::of(transition);
        context! { id, at => moment(at), title, text => text.trim_end() }
    });
    let id = order.id.to_string();
    let tone = stage.tone.as_str();
    let stage = context! { headline => stage.headline, sentence => stage.sentence, tone, ended => stage.ended };
    context! {
        steps => steps.collect::<Vec<_>>(), stage, ended_at,
        lines => lines.collect::<Vec<_>>(), after => history.last().map_or(0, |last| last.id),
        short => short(order.id), id, placed => moment(order.created_at), total => order.total.to_string(),
        email => order.email.masked(),
        parcel => order.shipment.as_ref().map(|shipment| format!("{} {}", shipment.carrier, shipment.tracking_number)),
    }
}

/// An order whose history has not begun.
fn arrived(order: &Order) -> Transition {
    Transition {
        id: 0,
        order_id: order.id,
        at: order.created_at,
        event: String::new(),
        status: order.status,
        step: None,
        detail: None,
        actor: None,
        message_id: None,
        correlation_id: None,
    }
}

/// What people read to each other.
fn short(id: OrderId) -> String {
    let text = id.to_string();
    text.get(text.len() - 8..).unwrap_or_default().to_uppercase()
}

fn line(item: &Item, name: Option<&str>) -> Value {
    context! {
        name => name.unwrap_or(item.sku.as_str()), sku => item.sku.as_str(), quantity => item.quantity,
        total => item.total().as_ref().map(Money::to_string).unwrap_or_default(),
    }
}

/// For machines, and for people: the browser shows it in their own time.
fn moment(at: OffsetDateTime) -> Value {
    let text = at.format(format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute] UTC"));
    context! { machine => at.format(&Rfc3339).unwrap_or_default(), text => text.unwrap_or_default() }
}
