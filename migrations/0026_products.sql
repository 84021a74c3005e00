-- What people manage of products and stock: the history of prices, who moved stock by hand, answers under an Idempotency-Key.

create table product_prices (
    id         bigint generated always as identity,
    sku        text          not null references products,
    price      numeric(12,2) not null check (price >= 0),
    valid_from timestamptz   not null default now(), -- until the next row's
    actor      text,                                 -- who set it; null for prices older than this table
    primary key (sku, id)
);
insert into product_prices (sku, price, valid_from) select sku, price, updated_at from products;

-- Who adjusted, imported or created; null when an order moved the stock.
alter table stock_movements add column actor text;

-- What an order moved is found by the time in which it did: the ledger is written in that order, and a small index stays small.
create index stock_movements_by_time on stock_movements using brin (at) with (pages_per_range = 16);

-- Answers to requests that make no order, committed with their effects.
create table idempotent_answers (
    scope       text        not null,         -- whose key: two callers may choose the same
    key         text        not null,
    fingerprint bytea       not null,         -- SHA-256 of method, path and body
    response    json        not null,
    created_at  timestamptz not null default now(),
    primary key (scope, key)
);
create index idempotent_answers_by_age on idempotent_answers (created_at);
