//! What operators ask of a running fleet: whether its books are right, and how it is just now; and who may
//! call it from outside.

pub mod api_keys;
pub mod audit;
pub mod status;
