//! Calls to partners' endpoints: which addresses may be called at all, how its secret is kept, and the call
//! itself. The HTTP API reads addresses and makes secrets; the webhook-service sends.

mod address;
mod resolver;
mod sender;
mod vault;

pub use address::{AddressRules, EndpointUrl, InvalidUrl, is_public};
pub use sender::{Attempt, MAX_RESPONSE, Shipment, WebhookSender};
pub use vault::{InvalidKey, Vault, VaultError};
