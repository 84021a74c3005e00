//! What is read of a dead letter, said once for every query that reads it.

/// The columns of a [`Summary`], of the table `d`.
macro_rules! summary_columns {
    () => {
        "d.id, d.message_id, d.queue, d.exchange, d.routing_key, d.reason, d.error, d.kind, d.correlation_id, d.order_id, \
         d.group_id, d.customer_id, d.skus, d.first_failed_at, d.last_failed_at, d.failures, d.replays, d.state, \
         d.state_reason, d.state_changed_at"
    };
}

/// The columns of a [`DeadLetter`].
macro_rules! all_columns {
    () => {
        concat!(
            $crate::store::dead_letters::columns::summary_columns!(),
            ", d.headers::text as headers, d.properties::text as properties, d.deaths::text as deaths, d.payload"
        )
    };
}

pub(super) use {all_columns, summary_columns};
