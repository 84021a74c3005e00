//! Who calls and what that caller may do: roles, the actor that histories and logs name, and how a token or an API key proves who
//! it is. Pure: keys are fetched, and requests read, elsewhere. Called by the HTTP API and by everything that records who did
//! something.

mod actor;
mod api_key;
mod jwks;
mod origins;
mod quota;
mod role;
mod token;

pub use actor::{Actor, Trust};
pub use api_key::ApiKey;
pub use jwks::{UnreadableKeys, read_jwks};
pub use origins::{NoOrigin, Origins};
pub use quota::{NoQuota, Quota, Standing};
pub use role::{Role, UnknownRole};
pub use token::{Grant, Proof, TokenError, TokenRules, VerifyingKey, WeakSecret, mint, verify};
