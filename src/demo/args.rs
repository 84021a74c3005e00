//! The options of the demonstration. `./dev demo` sets them all by the environment. Read by [`super::run`].

use std::net::SocketAddr;

use clap::Parser;

/// Shows the whole fleet at work: some sixty orders by HTTP, by the command line and straight over AMQP, among them some that
/// must fail and one that must be tried three times. Works in a database and a vhost of its own, which it makes and removes.
///
/// Exit code 0: everything was as it should be; 1: something was not, or could not be started.
#[derive(Parser)]
#[command(name = "demo", version)]
pub struct DemoArgs {
    /// RabbitMQ; only the server and the user count, the vhost is the demonstration's own.
    #[arg(long, env = "AMQP_URL", hide_env_values = true, value_name = "URL")]
    pub amqp_url: String,

    /// PostgreSQL; this user must be allowed to create databases.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: String,

    /// RabbitMQ's management API with an administrator, as in http://user:password@127.0.0.1:15672.
    #[arg(long, env = "AMQP_MANAGEMENT_URL", hide_env_values = true, value_name = "URL")]
    pub amqp_management_url: String,

    /// Address of the fleet's API.
    #[arg(long, env = "HTTP_ADDR", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub http_addr: SocketAddr,

    /// Address of the fleet's health and metrics.
    #[arg(long, env = "METRICS_ADDR", default_value = "127.0.0.1:9100", value_name = "ADDRESS")]
    pub metrics_addr: SocketAddr,
}
