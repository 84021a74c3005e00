//! The order-processor: runs the saga of every order. It consumes submissions and answers, asks `domain::saga::decide` what they
//! mean, and sends what follows. It waits for nobody: a running saga is a row with a deadline.

mod replies;
mod submissions;

pub use crate::lifecycle::SagaArgs;
pub use replies::Replies;
pub use submissions::Submissions;
