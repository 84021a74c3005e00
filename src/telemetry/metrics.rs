//! Every metric of the fleet, in one place. Names follow the Prometheus conventions: unit as suffix, `_total` for counters.

use std::sync::LazyLock;

use prometheus::{
    Gauge, GaugeVec, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder,
    register_gauge_vec_with_registry, register_gauge_with_registry, register_histogram_vec_with_registry,
    register_int_counter_vec_with_registry, register_int_counter_with_registry, register_int_gauge_vec_with_registry,
    register_int_gauge_with_registry,
};

pub struct Metrics {
    registry: Registry,
    /// Messages by consumer and what became of them: done, duplicate, unconcerned, retried, deferred,
    /// dead_lettered.
    pub messages: IntCounterVec,
    /// Seconds of one batch from the first statement to the last ack.
    pub batch_seconds: HistogramVec,
    /// Messages of one batch.
    pub batch_size: HistogramVec,
    /// 1 while the consumer is connected and taking messages.
    pub consumer_up: IntGaugeVec,
    /// How long the oldest message had waited that a consumer took since its last heartbeat.
    pub oldest_taken_seconds: GaugeVec,
    /// 1 while the breaker of a consumer's dependency is open.
    pub breaker_open: IntGaugeVec,
    /// Messages in hand because the broker does not take what they caused (a missing binding, an alarm, a full queue).
    pub held: IntGaugeVec,
    /// Faults that made a role rebuild its connection.
    pub restarts: IntCounterVec,
    /// Published messages by exchange and verdict: stored, unroutable, rejected.
    pub published: IntCounterVec,
    /// Orders by status reached.
    pub orders: IntCounterVec,
    /// Notifications sent by channel and kind.
    pub notifications: IntCounterVec,
    /// Attempts to deliver a webhook, by result: delivered, failed.
    pub webhook_attempts: IntCounterVec,
    /// Endpoints that were disabled because nothing but failures came back.
    pub webhooks_disabled: IntCounterVec,
    /// Dead letters taken into the database, by queue and reason.
    pub dead_letters: IntCounterVec,
    pub alerts: IntCounterVec,
    /// Age of the oldest unpublished outbox row.
    pub outbox_oldest_seconds: Gauge,
    /// Outbox rows that cannot be published and wait for an operator.
    pub outbox_parked: IntGauge,
    /// HTTP requests by route, method and status.
    pub http_requests: IntCounterVec,
    pub http_seconds: HistogramVec,
    /// Streams of live tracking that are open.
    pub live_streams: IntGauge,
    /// Streams that were ended because their client took nothing.
    pub live_streams_stuck: IntCounter,
}

static METRICS: LazyLock<Metrics> =
    LazyLock::new(|| Metrics::register().unwrap_or_else(|error| panic!("metrics: {error}")));

/// What rehearsals count; nobody reads it.
static REHEARSED: LazyLock<Metrics> =
    LazyLock::new(|| Metrics::register().unwrap_or_else(|error| panic!("metrics: {error}")));

tokio::task_local! {
    static REHEARSAL: ();
}

/// The metrics of this process. Within [`rehearsing`], some that nobody reads: what is rolled back has not happened.
pub fn metrics() -> &'static Metrics {
    if REHEARSAL.try_with(|()| ()).is_ok() { &REHEARSED } else { &METRICS }
}

/// Runs something that leaves no trace in the metrics.
pub async fn rehearsing<F: Future>(what: F) -> F::Output {
    REHEARSAL.scope((), what).await
}

/// Seconds: from a local commit to a slow payment.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Messages of a batch, doubling up to the largest allowed by default.
const SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

impl Metrics {
    fn register() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        let r = &registry;
        let counters = |name, help, labels: &[&str]| register_int_counter_vec_with_registry!(name, help, labels, r);
        let histograms = |name, help, labels: &[&str], buckets: &[f64]| {
            register_histogram_vec_with_registry!(name, help, labels, buckets.to_vec(), r)
        };
        Ok(Self {
            messages: counters("fleet_messages_total", "Messages by consumer and outcome", &["consumer", "outcome"])?,
            batch_seconds: histograms("fleet_batch_seconds", "Seconds per batch", &["consumer"], &SECONDS)?,
            batch_size: histograms("fleet_batch_messages", "Messages per batch", &["consumer"], &SIZES)?,
            consumer_up: register_int_gauge_vec_with_registry!(
                "fleet_consumer_up",
                "1 while taking messages",
                &["consumer"],
                r
            )?,
            oldest_taken_seconds: register_gauge_vec_with_registry!(
                "fleet_oldest_taken_seconds",
                "Longest wait of a message taken in the last seconds",
                &["consumer"],
                r
            )?,
            breaker_open: register_int_gauge_vec_with_registry!(
                "fleet_breaker_open",
                "1 while calls are held back",
                &["consumer"],
                r
            )?,
            held: register_int_gauge_vec_with_registry!(
                "fleet_held_messages",
                "Messages in hand whose consequences the broker does not take",
                &["consumer"],
                r
            )?,
            restarts: counters("fleet_restarts_total", "Faults after which a role was rebuilt", &["role"])?,
            published: counters("fleet_published_total", "Published messages by verdict", &["exchange", "verdict"])?,
            orders: counters("fleet_orders_total", "Orders by status reached", &["status"])?,
            notifications: counters("fleet_notifications_total", "Notifications sent", &["channel", "type"])?,
            webhook_attempts: counters("fleet_webhook_attempts_total", "Attempts to deliver a webhook", &["result"])?,
            webhooks_disabled: counters("fleet_webhooks_disabled_total", "Endpoints disabled after failures", &[])?,
            alerts: counters("fleet_alerts_total", "Alerts told to people", &["kind", "result"])?,
            dead_letters: counters("fleet_dead_letters_total", "Dead letters stored", &["queue", "reason"])?,
            outbox_oldest_seconds: register_gauge_with_registry!(
                "fleet_outbox_oldest_seconds",
                "Age of the oldest unpublished row",
                r
            )?,
            outbox_parked: register_int_gauge_with_registry!(
                "fleet_outbox_parked",
                "Rows that cannot be published",
                r
            )?,
            http_requests: counters("fleet_http_requests_total", "HTTP requests", &["route", "method", "status"])?,
            http_seconds: histograms("fleet_http_seconds", "Seconds per HTTP request", &["route"], &SECONDS)?,
            live_streams: register_int_gauge_with_registry!("fleet_live_streams", "Open streams of live tracking", r)?,
            live_streams_stuck: register_int_counter_with_registry!(
                "fleet_live_streams_stuck_total",
                "Streams ended because their client took nothing",
                r
            )?,
            registry,
        })
    }

    /// The Prometheus text format.
    ///
    /// # Errors
    /// When a metric cannot be encoded.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
