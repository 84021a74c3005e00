-- What an order writes, cheaper. The ids of messages begin with the time of their order, so a range by age is a range of pages.

-- One reader writes both rows in one transaction; the check cost a trigger and a row lock per order.
alter table sagas drop constraint sagas_order_id_fkey;

-- Only the clean-up looks by age, and it may read more pages than it needs.
drop index idempotency_keys_by_age;
create index idempotency_keys_by_age on idempotency_keys using brin (created_at);

-- Statuses change in place where no index on them is touched.
alter table orders set (fillfactor = 80);
alter table reservations set (fillfactor = 60);

-- Append-only tables: cleaned when much has come, not by each small share.
alter table inbox set (autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.2);
alter table order_history set (autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.2);
