//! Who calls and what that caller may do: roles, and the actor that histories and logs name. Called by the HTTP API, which finds
//! out who it is, and by everything that records who did something.

mod actor;
mod role;

pub use actor::{Actor, Trust};
pub use role::{Role, UnknownRole};
