-- Orders number `fleet.first` to `fleet.last`, as a year of the fleet leaves them behind: three of four delivered, the newest `fleet.open`
-- on their way, each with its history, stock, payment, events and notifications; for every twentieth a dead letter and a note.
create temp table many on commit drop as
select i, at, sku, status,
    (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(hash, 1, 3) || '8' || substr(hash, 4, 15))::uuid as id,
    'c-' || i % greatest(1, current_setting('fleet.last')::int / 20) as customer
from (
    select i, md5(i::text) as hash, 'SKU-' || i % 50 as sku,
        now() - interval '1 day' - interval '365 days' * (1 - i / current_setting('fleet.last')::float) as at,
        case when i > current_setting('fleet.last')::int - current_setting('fleet.open')::int then 'pending'
             when i % 20 = 0 then 'cancelled' when i % 19 = 0 then 'failed' when i % 5 = 0 then 'confirmed' else 'delivered' end as status
    from generate_series(current_setting('fleet.first')::int, current_setting('fleet.last')::int) as i
) as year;

insert into products (sku, name, price) select 'SKU-' || i, 'Product ' || i, 19.99 from generate_series(0, 49) as i
on conflict (sku) do nothing;
insert into stock (sku, on_hand, reserved) select sku, 1000000, 0 from products on conflict (sku) do nothing;
insert into orders (id, customer_id, email, items, total, status, correlation_id, created_at)
select id, customer, 'ada' || i || '@shop.example', jsonb_build_array(jsonb_build_object('sku', sku, 'quantity', 1, 'price', 19.99)), 19.99,
    status, id::text, at from many;
insert into order_skus (sku, created_at, order_id) select sku, at, id from many;
insert into order_words (order_id, words) select id, array_to_tsvector(array[customer, 'ada' || i, 'shop', 'example']) from many;
insert into order_history (order_id, at, event, status)
select id, at, event, 'processing' from many cross join unnest(array['accepted', 'submitted', 'stock_reserved', 'confirmed']) as event
order by at;
insert into order_notes (order_id, at, author, visibility, body) select id, at, 'operator:anna', 'internal', 'ring twice' from many where i % 20 = 0;
insert into reservations (order_id, status, lines, created_at, updated_at)
select id, case when status = 'pending' then 'reserved' else 'committed' end,
    jsonb_build_array(jsonb_build_object('sku', sku, 'quantity', 1)), at, at from many;
insert into stock_movements (sku, order_id, kind, quantity, at)
select sku, id, kind, 1, at from many cross join unnest(array['reserve', 'commit']) as kind order by at;
insert into payments (order_id, customer_id, amount, status, created_at, updated_at) select id, customer, 19.99, 'taken', at, at from many;
insert into payment_attempts (order_id, at, call, attempt, outcome) select id, at, 'charge', 1, 'taken' from many;
insert into recorded_events (message_id, routing_key, order_id, body, recorded_at)
select gen_random_uuid(), 'order.confirmed', id, '{}', at from many;
insert into notification_deliveries (channel, message_id, kind, order_id, recipient, transport, reference, at)
select 'email', gen_random_uuid(), 'order_confirmed', id, 'a***@shop.example', 'smtp', '1', at from many;
insert into running_totals (what, shard, count) select what, 0, count(*) from many cross join unnest(array['email', 'event']) as what group by what
on conflict (what, shard) do update set count = running_totals.count + excluded.count;
insert into inbox (consumer, message_id, received_at) select 'order-processor', id, at from many;
insert into dead_letters (id, message_id, queue, exchange, routing_key, reason, error, kind, order_id, headers, properties, deaths, payload,
    first_failed_at, last_failed_at, state, state_changed_at, customer_id, skus, group_id)
select id, id, 'email_notifications', 'notifications', '', 'attempts_exhausted', 'mail server ' || i % 12 || ' refused', 'order_confirmed', id,
    '{}', '{}', '[]', '{}', at, at, case when i % 3 = 0 then 'resolved' else 'unresolved' end, at, customer, array[sku],
    ('00000000-0000-8000-8000-0000000000' || lpad((i % 12)::text, 2, '0'))::uuid
from many where i % 2 = 0;
insert into dead_letter_deaths (dead_letter_id, at, replays, reason, error, attempts)
select id, at, 0, 'attempts_exhausted', 'refused', '[]' from many where i % 2 = 0;
insert into dead_letter_groups (id, queue, reason, error, first_seen, last_seen, failures)
select distinct group_id, queue, reason, 'mail server refused', now() - interval '1 day', now(), 1 from dead_letters
on conflict (id) do nothing;
insert into webhook_endpoints (id, url, event_types, secret, state)
values ('00000000-0000-7000-8000-000000000001', 'https://partner.example/hooks', array['*'], ''::bytea, 'paused')
on conflict (id) do nothing;
insert into webhook_deliveries (id, endpoint_id, event_id, event_type, state, created_at)
select id, '00000000-0000-7000-8000-000000000001', id, 'order.confirmed', case when i % 9 = 0 then 'failed' else 'delivered' end, at from many;
insert into webhook_attempts (delivery_id, at, duration_ms, status) select id, at, 12, 200 from many;
insert into replay_operations (id, operator, selection, rate, failure_limit, watched, state, total, applied)
values ('00000000-0000-7000-8000-000000000002', 'operator:anna', 'everything', 500, 0.05, true, 'completed', 1, 1)
on conflict (id) do nothing;
insert into replay_items (operation_id, position, dead_letter_id, message_id, state)
select '00000000-0000-7000-8000-000000000002', i, id, id, 'applied' from many where i % 2 = 0;
