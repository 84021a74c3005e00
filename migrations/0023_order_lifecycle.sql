-- What happens to an order beyond its confirmation: cancelled (with refund and return), shipped, delivered; who did it and why.

alter table orders
    add column priority     text not null default 'normal' constraint orders_priority_known check (priority in ('normal', 'high')),
    add column confirmed_at timestamptz,      -- stays when the order is cancelled later: its money and its stock had been taken
    add column shipment     jsonb,            -- domain::Shipment
    add column delivered_at timestamptz;
update orders set confirmed_at = updated_at where status in ('confirmed', 'shipped', 'delivered');

alter table sagas drop constraint sagas_step_known, add constraint sagas_step_known check
    (step in ('reserving_stock', 'taking_payment', 'cancelling_payment', 'releasing_stock', 'refunding_payment', 'returning_stock'));

-- Changes by people have no message: they have a request, found in the log by its correlation id.
alter table order_history
    add column actor          text,           -- as in operator:anna or system:order-processor; null before this version
    add column correlation_id text;

-- Sold units that come back.
alter table stock_movements drop constraint stock_movements_kind_known, add constraint stock_movements_kind_known check
    (kind in ('initial', 'adjust', 'reserve', 'release', 'commit', 'return'));
alter table reservations drop constraint reservations_status_known, add constraint reservations_status_known check
    (status in ('reserved', 'committed', 'released', 'rejected', 'returned'));

-- Money of orders that were cancelled after they had been confirmed; `revenue` stays what was confirmed.
alter table statistics add column refunded numeric(20,2) not null default 0;
