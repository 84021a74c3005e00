//! The HTTP API, version 1. `router` lists the paths; one file per resource; everything that is the same for all of them
//! (bodies, faults, correlation, limits) has its own file.

mod about;
mod actor;
mod correlation;
mod cursor;
mod json_body;
mod limits;
mod openapi;
mod order_bulk;
mod order_changes;
mod order_notes;
mod orders;
mod outbox;
mod parameters;
mod postman;
mod problem;
mod products;
mod router;
mod site;
mod statistics;
mod status;

pub use correlation::{CORRELATION_HEADER, CorrelationId};
pub use postman::collection_json;
pub use problem::{Problem, ProblemKind};
pub use router::{ApiState, document, document_json, router};
