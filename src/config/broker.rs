//! How to reach RabbitMQ.

use clap::Args;

#[derive(Args, Clone)]
pub struct BrokerArgs {
    /// RabbitMQ, as in amqp://user:password@host:5672/vhost (amqps for TLS).
    #[arg(
        long,
        env = "AMQP_URL",
        hide_env_values = true,
        default_value = "amqp://127.0.0.1:5672/%2f",
        value_name = "URL"
    )]
    pub amqp_url: String,
}
