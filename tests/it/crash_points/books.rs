//! What must be in the database after a walk: everything once, nothing more, and the books balanced.

use serde::Deserialize;
use sqlx::PgPool;

/// Counts of rows; the last six are counts of what must not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Expected {
    pub confirmed: i64,
    pub failed: i64,
    pub taken: i64,
    pub declined: i64,
    pub cancelled: i64,
    pub sold: i64,
    pub mails: i64,
    pub texts: i64,
    pub pushes: i64,
    pub events: i64,
    /// Events that the partner has taken: all of them.
    pub webhooks: i64,
    pub counted_confirmed: i64,
    pub unresolved: i64,
    pub resolved: i64,
    pub suspects: i64,
    unfinished_orders: i64,
    other_payments: i64,
    running_sagas: i64,
    outbox: i64,
    repeated_history: i64,
    unbalanced: i64,
}

impl Expected {
    /// An order that goes through: paid, sold, told by mail and push, announced twice.
    pub fn one_confirmed(&mut self, units: i64) {
        self.confirmed += 1;
        self.counted_confirmed += 1;
        self.taken += 1;
        self.sold += units;
        self.mails += 1;
        self.pushes += 1;
        self.announced(2);
    }

    pub fn one_declined(&mut self) {
        self.declined += 1;
        self.announced(1);
        self.one_failed();
    }

    /// Told by mail and push, and announced.
    pub fn one_failed(&mut self) {
        self.failed += 1;
        self.mails += 1;
        self.pushes += 1;
        self.announced(1);
    }

    /// Recorded, and told to the partner.
    pub fn announced(&mut self, events: i64) {
        self.events += events;
        self.webhooks += events;
    }

    pub async fn count(&mut self, db: &PgPool) {
        let row: String = sqlx::query_scalar(COUNTS).fetch_one(db).await.expect("the books");
        *self = serde_json::from_str(&row).expect("counts");
    }
}

const COUNTS: &str = "select row_to_json(counts)::text from (select
    (select count(*) from orders where status = 'confirmed') as confirmed,
    (select count(*) from orders where status = 'failed') as failed,
    (select count(*) from payments p join orders o on o.id = p.order_id
        where p.status = 'taken' and o.status = 'confirmed' and p.amount = o.total) as taken,
    (select count(*) from payments p join orders o on o.id = p.order_id
        where p.status = 'declined' and o.status = 'failed') as declined,
    (select count(*) from payments p join orders o on o.id = p.order_id
        where p.status = 'cancelled' and o.status = 'failed') as cancelled,
    (select coalesce(sum(quantity), 0)::bigint from stock_movements where kind = 'commit') as sold,
    (select count(*) from notification_deliveries where channel = 'email') as mails,
    (select count(*) from notification_deliveries where channel = 'sms') as texts,
    (select count(*) from notification_deliveries where channel = 'push') as pushes,
    (select count(*) from recorded_events) as events,
    (select count(*) from webhook_deliveries where state = 'delivered') as webhooks,
    (select coalesce(sum(confirmed), 0)::bigint from statistics where period = 'day') as counted_confirmed,
    (select count(*) from dead_letters where state = 'unresolved') as unresolved,
    (select count(*) from dead_letters where state <> 'unresolved') as resolved,
    (select count(*) from orders where status not in ('confirmed', 'failed')) as unfinished_orders,
    (select count(*) from payments where status not in ('taken', 'declined', 'cancelled')) as other_payments,
    (select count(*) from sagas) as running_sagas,
    (select count(*) from outbox) as outbox,
    (select count(*) from suspects) as suspects,
    (select count(*) from (select from order_history group by order_id, event having count(*) > 1) twice) as repeated_history,
    (select count(*) from stock s left join lateral (
        select coalesce(sum(quantity) filter (where kind in ('initial', 'adjust')), 0) as came,
               coalesce(sum(quantity) filter (where kind = 'commit'), 0) as sold
        from stock_movements m where m.sku = s.sku) m on true
        where s.on_hand <> m.came - m.sold or s.reserved <> 0) as unbalanced
    ) counts";
