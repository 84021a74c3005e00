-- Live tracking (docs/tracking.md): order_history is read as a stream of events whose position is `id`.
--
-- Two rules make that sound, and whoever writes history keeps them: a transaction locks or inserts the order before it appends to
-- that order's history (so within one order ids grow in the order of commits), and it has written or locked something before it draws
-- an id (so a snapshot's xmax stands above everybody who has drawn one: docs/adr/0011-live-tracking.md).

create unique index order_history_by_id on order_history (id);

-- A customer's orders, newest first.
create index if not exists orders_by_customer on orders (customer_id, created_at desc, id desc);
