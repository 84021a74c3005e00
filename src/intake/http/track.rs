//! The customer's page, `/track/{token}`: an order's way so far, and live from there on. Needs no login: who has the link may look, so
//! it shows no more than its owner needs. Without JavaScript it shows the present state.

mod assets;
mod events;
mod html;
mod page;
mod words;

pub(super) use assets::asset;
pub(super) use events::events;
pub(super) use page::page;
