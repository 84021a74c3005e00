//! Quotas that several processes count together, in Redis. Used by the HTTP API, which counts for itself while Redis is away.

use std::sync::LazyLock;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, Script};

use super::outbound::SetupError;
use crate::access::{Quota, Standing};

/// Longest wait for an answer: requests wait for it, and a Redis nearby answers in less than one millisecond.
const PATIENCE: Duration = Duration::from_millis(100);

/// The generic cell rate algorithm, as `governor` counts in memory: one number per caller, the time at which all its requests are
/// possible again, in microseconds by the clock of Redis. Returns whether the request counts; then how many more are possible, and
/// the time until all are; or else the time until one is.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
         local now = time[1] * 1000000 + time[2]
         local interval, count = tonumber(ARGV[1]), tonumber(ARGV[2])
         local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + interval
         local over = full - interval * count - now
         if over > 0 then return {0, 0, math.ceil(over)} end
         redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
         return {1, math.floor(-over / interval), math.ceil(full - now)}",
    )
});

#[derive(Clone)]
pub struct SharedQuota {
    connection: ConnectionManager,
}

impl SharedQuota {
    /// Connects when first used, and again after each loss.
    ///
    /// # Errors
    /// When the address cannot be read.
    pub fn new(url: &str) -> Result<Self, SetupError> {
        // the error may quote the address, and with it a password
        let wrong =
            |_| SetupError::option("REDIS_URL", "must be an address of Redis, as in redis://:password@host:6379");
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(0);
        let client = Client::open(url).map_err(wrong)?;
        Ok(Self { connection: ConnectionManager::new_lazy_with_config(client, config).map_err(wrong)? })
    }

    /// Counts one request of `caller`.
    ///
    /// # Errors
    /// When Redis does not answer in time.
    pub async fn take(&self, caller: &str, quota: Quota) -> Result<Standing, RedisError> {
        let mut connection = self.connection.clone();
        let (within, remaining, microseconds): (u8, u32, u64) = TAKE
            .key(format!("order-fleet:quota:{caller}"))
            .arg(u64::try_from(quota.interval().as_micros().max(1)).unwrap_or(u64::MAX))
            .arg(quota.count.get())
            .invoke_async(&mut connection)
            .await?;
        let wait = Duration::from_micros(microseconds);
        Ok(match within {
            0 => Standing::Exhausted { retry_in: wait },
            _ => Standing::Within { remaining, full_in: wait },
        })
    }
}
