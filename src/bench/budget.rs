//! What an order would cost if its messages and rows cost no more than the parts alone: the limit that the fleet is held against. Used by
//! [`super::report`] and [`super::targets`].

use serde::{Deserialize, Serialize};

use super::parts::Parts;
use super::queues::Traffic;
use super::tables::Rows;

/// An order's row and its outbox row are in the price of the order transaction.
const ROWS_OF_THE_ORDER: f64 = 2.0;

/// Microseconds of CPU per order, in the cheapest way that was measured: pipelined, acked and committed by fifties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    pub publishing: f64,
    pub consuming: f64,
    pub order_transaction: f64,
    pub other_rows: f64,
}

impl Budget {
    /// `traffic` and `rows` are those of one order.
    pub fn new(parts: &Parts, traffic: &Traffic, rows: &Rows) -> Self {
        Self {
            // the client publishes once, the broker stores a copy per queue
            publishing: traffic.published * parts.publish_pipelined.client
                + traffic.enqueued() * parts.publish_pipelined.server,
            consuming: traffic.acked() * parts.consume_ack_fifty.both(),
            order_transaction: parts.order_of_fifty.both(),
            other_rows: (rows.changed() - ROWS_OF_THE_ORDER).max(0.0) * parts.row_of_fifty.both(),
        }
    }

    pub fn microseconds(&self) -> f64 {
        self.publishing + self.consuming + self.order_transaction + self.other_rows
    }

    /// With all processors at nothing else.
    pub fn orders_per_second(&self, processors: usize) -> f64 {
        processors as f64 * 1e6 / self.microseconds().max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::parts::Cost;
    use crate::bench::queues::QueueFigures;
    use crate::bench::tables::TableFigures;

    #[test]
    fn a_message_is_published_once_and_stored_in_every_queue() {
        let cost = |client, server| Cost { client, server, per_second: 0.0 };
        let parts = Parts {
            publish_pipelined: cost(10.0, 20.0),
            consume_ack_fifty: cost(6.0, 4.0),
            order_of_fifty: cost(5.0, 45.0),
            row_of_fifty: cost(1.0, 4.0),
            ..Parts::default()
        };
        let queue = QueueFigures { published: 1.0, delivered: 1.0, acked: 1.0 };
        let queues = ["email", "push", "sms"].map(|name| (name.to_owned(), queue)).into();
        let table = TableFigures { inserted: 4.0, updated: 1.0, deleted: 1.0, updated_in_place: 0.0 };
        let rows = Rows { tables: [("orders".to_owned(), table)].into(), ..Rows::default() };
        let budget = Budget::new(&parts, &Traffic { published: 1.0, queues }, &rows);
        assert_eq!(budget, Budget { publishing: 70.0, consuming: 30.0, order_transaction: 50.0, other_rows: 20.0 });
        assert_eq!(budget.orders_per_second(2).round(), 11_765.0);
    }
}
