//! What operators ask of a running fleet: whether its books are right, and how it is just now.

pub mod audit;
pub mod status;
