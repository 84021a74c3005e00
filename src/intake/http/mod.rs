//! The HTTP API, version 1. `router` lists the paths; one file per resource; everything that is the same for all of them
//! (bodies, faults, correlation, limits) has its own file.

mod actor;
mod correlation;
mod cursor;
mod json_body;
mod limits;
mod live;
mod openapi;
mod orders;
mod outbox;
mod parameters;
mod problem;
mod products;
mod router;
mod statistics;
mod status;
mod track;

pub use correlation::{CORRELATION_HEADER, CorrelationId};
pub use problem::{Problem, ProblemKind};
pub use router::{ApiState, document, document_json, router};
