//! How an order moves on, whoever moves it: lock, decide, write down, say what follows. The order-processor comes with messages
//! ([`advance`]), the API with what people ask for ([`request`], [`refund`], [`resolve`]); both go through one function, so both mean the same by a change.

mod advance;
mod args;
mod change;
mod effects;
mod refund;
mod request;
mod resolve;
mod submission;

pub use advance::{Arrived, advance};
pub use args::SagaArgs;
pub use refund::{Refunding, refund};
pub use request::{Asked, NotAllowed, Origin, Request, request};
pub use resolve::{Resolved, resolve};
pub use submission::{queue_of, submission};
