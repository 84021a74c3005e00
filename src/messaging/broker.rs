//! Connections to RabbitMQ. The consumers of a process share one; publishers share a pool beside it, so that a broker that blocks
//! publishing under an alarm never keeps a consumer from acknowledging.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool_lapin::{Config, Pool, PoolConfig, Runtime};
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::Publisher;
use super::frame::FRAME_MAX;
use crate::config::BrokerArgs;

/// A local broker answers in milliseconds, a cluster after a leader election in a few seconds.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// Bound for everything else that should be one round trip.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// Closing is a courtesy; a broker under an alarm does not answer it.
pub(super) const CLOSE_DEADLINE: Duration = Duration::from_secs(2);
/// Parameters of every connection. Seconds between heartbeats: a silent peer is noticed after twice that time, and the server's default of
/// 60 is too slow. The largest frame is the server's default: the client library makes its buffers for 32 of them, and for one that it
/// learns of only from the server it writes zeros over 8 MiB.
const TUNING: [(&str, usize); 2] = [("heartbeat", 10), ("frame_max", FRAME_MAX)];
/// Publishing connections of one process; a channel carries far more than one role publishes.
const PUBLISHING_CONNECTIONS: usize = 2;

#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    #[error("the broker did not answer within {} s while {doing}", DEADLINE.as_secs())]
    Deadline { doing: &'static str },
    #[error("the broker refused while {doing}")]
    Amqp { doing: &'static str, source: lapin::Error },
    #[error("no connection for publishing")]
    Pool(#[from] deadpool_lapin::PoolError),
    #[error("the pool of connections cannot be made: {0}")]
    Configuration(String),
}

/// Where the broker is. Cheap to clone; connects only when asked.
#[derive(Clone)]
pub struct Broker {
    url: Arc<str>,
    name: Arc<str>,
    publishing: Pool,
    consuming: Arc<Mutex<Option<Arc<Connection>>>>,
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the address holds a password
        f.debug_struct("Broker").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Broker {
    /// `name` is the role: the broker's own pages show it for every connection.
    ///
    /// # Errors
    /// [`BrokerError::Configuration`] when the pool refuses its settings.
    pub fn new(args: &BrokerArgs, name: &str) -> Result<Self, BrokerError> {
        let url = tuned(&args.amqp_url);
        let properties = {
            let name = format!("{name} publishing");
            move || properties(&name)
        };
        let config = Config { url: Some(url.clone()), pool: Some(PoolConfig::new(PUBLISHING_CONNECTIONS)) };
        let publishing = config
            .builder(properties, Runtime::Tokio1)
            .map_err(|error| BrokerError::Configuration(error.to_string()))?
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(CONNECT_DEADLINE))
            .wait_timeout(Some(DEADLINE))
            .build()
            .map_err(|error| BrokerError::Configuration(error.to_string()))?;
        Ok(Self { url: url.into(), name: name.into(), publishing, consuming: Arc::default() })
    }

    /// Name of the virtual host, for the management API; `None` when the address cannot be read.
    pub fn virtual_host(&self) -> Option<String> {
        self.url.parse::<AMQPUri>().ok().map(|address| address.vhost)
    }

    /// A connection for one purpose, as in `consuming order_processing`.
    ///
    /// # Errors
    /// [`BrokerError`] when the broker is away, silent or refuses the login.
    pub async fn connect(&self, purpose: &str) -> Result<Connection, BrokerError> {
        let properties = properties(&format!("{} {purpose}", self.name));
        let connecting = Connection::connect(&self.url, properties);
        in_time("connecting", CONNECT_DEADLINE, connecting).await
    }

    /// The connection that the consumers of this process share: each one costs a thread, its buffers, and a wake-up for whatever arrives.
    ///
    /// # Errors
    /// As [`Broker::connect`].
    pub(super) async fn consuming(&self) -> Result<Arc<Connection>, BrokerError> {
        let mut shared = self.consuming.lock().await;
        if let Some(connection) = shared.as_ref().filter(|connection| connection.status().connected()) {
            return Ok(Arc::clone(connection));
        }
        let connection = Arc::new(self.connect("consuming").await?);
        *shared = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// Closes the shared connection, if it is still this one: a channel of it does not answer.
    pub(super) async fn give_up(&self, connection: &Arc<Connection>) {
        let mut shared = self.consuming.lock().await;
        shared.take_if(|current| Arc::ptr_eq(current, connection));
        drop(shared);
        // The result does not matter: whatever was not acknowledged comes again either way.
        let _ = timeout(CLOSE_DEADLINE, connection.close(200, "done".into())).await;
    }

    /// A publisher with a channel of its own, on a pooled connection.
    ///
    /// # Errors
    /// [`BrokerError`] when no connection can be had.
    pub async fn publisher(&self, role: &'static str) -> Result<Publisher, BrokerError> {
        let connection = self.publishing.get().await?;
        Publisher::open(&connection, role).await
    }
}

/// Recovery by the library stays off: the supervisor starts each role anew, which also covers closed channels.
fn properties(name: &str) -> ConnectionProperties {
    ConnectionProperties::default().with_connection_name(name.into())
}

/// The address with our settings, where it has none of its own.
fn tuned(url: &str) -> String {
    let mut url = url.to_owned();
    for (name, value) in TUNING {
        let separator = match url.split_once('?') {
            Some((_, query)) if query.contains(&format!("{name}=")) => continue,
            Some(_) => '&',
            None => '?',
        };
        url.push_str(&format!("{separator}{name}={value}"));
    }
    url
}

/// Waits for the broker, but not for ever: every call can hang (alarm, lost majority, silent peer).
///
/// # Errors
/// The broker's own error, or [`BrokerError::Deadline`].
pub async fn in_time<T>(
    doing: &'static str,
    deadline: Duration,
    call: impl Future<Output = Result<T, lapin::Error>>,
) -> Result<T, BrokerError> {
    match timeout(deadline, call).await {
        Ok(answer) => answer.map_err(|source| BrokerError::Amqp { doing, source }),
        Err(_) => Err(BrokerError::Deadline { doing }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_url_says_itself_stays() {
        assert_eq!(tuned("amqp://h/v"), "amqp://h/v?heartbeat=10&frame_max=131072");
        assert_eq!(tuned("amqp://h/v?heartbeat=5"), "amqp://h/v?heartbeat=5&frame_max=131072");
        assert_eq!(tuned("amqp://h/v?frame_max=9"), "amqp://h/v?frame_max=9&heartbeat=10");
    }
}
