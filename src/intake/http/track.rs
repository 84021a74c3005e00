//! The customer's page, `/track/{token}`: an order's way so far, and live from there on. Needs no login: who has the link may look, so
//! it shows no more than its owner needs. Without JavaScript it shows the present state.

mod assets;
mod events;
mod html;
mod page;
mod words;

use axum::Router;
use axum::routing::get;

use super::router::ApiState;

/// No part of the API: for browsers, not for programs.
pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/track/{token}", get(page::page))
        .route("/track/{token}/events", get(events::events))
        .route("/track/assets/{file}", get(assets::asset))
}
