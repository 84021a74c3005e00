//! How to reach RabbitMQ's management API, where there is one.

use clap::Args;

use crate::ports::management::{Management, ManagementError};

#[derive(Args, Clone)]
pub struct ManagementArgs {
    /// RabbitMQ's management API, as in http://user:password@host:15672: adds rates to the live status. Not needed for anything else.
    #[arg(long, env = "AMQP_MANAGEMENT_URL", hide_env_values = true, value_name = "URL")]
    pub amqp_management_url: Option<String>,
}

impl ManagementArgs {
    /// An empty variable counts as none.
    ///
    /// # Errors
    /// When the address cannot be read.
    pub fn build(&self, virtual_host: Option<String>) -> Result<Option<Management>, ManagementError> {
        match (self.amqp_management_url.as_deref().filter(|url| !url.is_empty()), virtual_host) {
            (Some(url), Some(virtual_host)) => Management::new(url, &virtual_host).map(Some),
            (Some(_), None) | (None, _) => Ok(None),
        }
    }
}
