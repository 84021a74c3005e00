-- A change of status writes the order's row anew, and an entry into each of its four indexes where an index has the status in it. No index
-- tells pending from processing any more, so that this change stays within the row's page.
alter table orders
    add column listed_as text not null
        generated always as (case when status in ('pending', 'processing') then 'open' else status end) stored;
drop index orders_by_status;
create index orders_by_listing on orders (listed_as, created_at desc, id desc);
alter table orders set (fillfactor = 50);
