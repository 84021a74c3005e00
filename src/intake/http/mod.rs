//! The HTTP API, version 1. `router` lists the paths; one file per resource; everything that is the same for all of them
//! (bodies, faults, correlation, limits) has its own file.

mod about;
mod adjustments;
mod api_keys;
mod audit_log;
mod browsers;
mod caller;
mod controls;
mod correlation;
mod cursor;
mod guard;
mod imports;
mod inventory;
mod json_body;
mod limits;
mod live;
mod openapi;
mod order_bulk;
mod order_changes;
mod order_notes;
mod order_resolution;
mod orders;
mod outbox;
mod parameters;
mod payments;
mod permissions;
mod postman;
mod problem;
mod products;
mod rate_limit;
mod router;
mod site;
mod statistics;
mod status;
mod track;
mod webhooks;

pub use correlation::{CORRELATION_HEADER, CorrelationId};
pub use guard::{Guard, Identity};
pub use permissions::{RULES, Reach, Rule};
pub use postman::collection_json;
pub use problem::{Problem, ProblemKind};
pub use rate_limit::RateLimits;
pub use router::{ApiState, document, document_json, router};
pub use webhooks::Registration;
