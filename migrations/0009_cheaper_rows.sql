-- What an order writes, cheaper. The ids of messages begin with the time of their order, so what is written together stands together.

-- The message's id first: nearly unique, compared as bytes, and growing with time. `outgoing` is JSON that only we write and read.
alter table inbox drop constraint inbox_pkey;
alter table inbox alter column consumer type text collate "C", alter column outgoing type text;
alter table inbox add primary key (message_id, consumer);

-- One writer keeps both rows in one transaction; the check cost a trigger and a row lock per order.
alter table sagas drop constraint sagas_order_id_fkey;

-- Names are compared as bytes.
alter table idempotency_keys alter column scope type text collate "C", alter column key type text collate "C";
alter table notification_deliveries alter column channel type text collate "C";
alter table notification_deliveries drop constraint notification_deliveries_pkey;
alter table notification_deliveries add primary key (message_id, channel);
alter table stock_movements alter column sku type text collate "C";

-- Only the clean-up looks by age, and it may read more pages than it needs.
drop index idempotency_keys_by_age;
create index idempotency_keys_by_age on idempotency_keys using brin (created_at);

-- Statuses change in place where no index on them is touched.
alter table reservations set (fillfactor = 60);

-- Append-only tables are cleaned when much has come, not after each small share.
alter table inbox set (autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.2);
alter table order_history set (autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.2);
