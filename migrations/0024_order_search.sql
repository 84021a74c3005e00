-- Finding orders among millions. Each filter of the list has an index that yields the newest first, or few rows at all.
-- The two tables are written once per order, beside it: an order's row is rewritten at every change of its status, and each
-- rewrite costs an entry in every index of its table. They have no foreign key, since both are written in the order's own commit.

create index orders_by_customer on orders (customer_id, created_at desc, id desc);

create table order_skus (
    sku        text        not null,
    created_at timestamptz not null,          -- of the order
    order_id   uuid        not null,
    primary key (sku, created_at, order_id)
);

create table order_words (
    order_id uuid primary key,
    words    tsvector not null                -- lexemes as store::order_search::words makes them
);
create index order_words_by_word on order_words using gin (words);

insert into order_skus (sku, created_at, order_id)
    select distinct item ->> 'sku', created_at, id from orders cross join lateral jsonb_array_elements(items) as item;
insert into order_words (order_id, words)
    select id, array_to_tsvector(array(
        select distinct word
        from regexp_split_to_table(lower(concat_ws(' ', id, customer_id, email, phone)), '[^[:alnum:]]+') as word
        where word <> ''))
    from orders;
