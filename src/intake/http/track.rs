//! The customer's page, `/track/{token}`: an order's way so far, and live from there on. Needs no login: who has the link may look, so
//! it shows no more than its owner needs. Without JavaScript it shows the present state.

mod assets;
mod events;
mod html;
mod page;
mod words;

use axum::Router;
use axum::routing::get;

pub(super) use events::{__path_events, events};
pub(super) use page::{__path_page, page};

/// What the page is made of besides: nobody's own.
pub(super) fn assets<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/track/assets/{file}", get(assets::asset))
}
