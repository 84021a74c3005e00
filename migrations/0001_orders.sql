-- Orders, their running sagas and their history. Written by order-api (new orders) and order-processor (everything after).

create table orders (
    id            uuid primary key,
    customer_id   text          not null,
    email         text          not null,
    phone         text,
    items         jsonb         not null,
    total         numeric(12,2) not null check (total >= 0),
    status        text          not null constraint orders_status_known check
        (status in ('pending', 'processing', 'confirmed', 'shipped', 'delivered', 'failed', 'cancelled')),
    reason        text,                       -- code of domain::saga::FailureReason
    payment_token text,
    metadata      jsonb,
    correlation_id text         not null,
    created_at    timestamptz   not null,     -- when the customer ordered
    updated_at    timestamptz   not null default now()
);
create index orders_newest    on orders (created_at desc, id desc);
create index orders_by_status on orders (status, created_at desc, id desc);

-- One row per order whose saga runs: what it waits for, since when, until when. Gone when the order is settled.
create table sagas (
    order_id  uuid primary key references orders,
    step      text        not null constraint sagas_step_known check
        (step in ('reserving_stock', 'taking_payment', 'cancelling_payment', 'releasing_stock')),
    reason    jsonb,                          -- why it is undoing its work
    since     timestamptz not null,
    deadline  timestamptz not null
) with (fillfactor = 70);                     -- room for in-place updates: each step rewrites the row

-- Every change of state, with the message that caused it. Append-only.
create table order_history (
    id         bigint generated always as identity,
    order_id   uuid        not null,
    at         timestamptz not null default now(),
    event      text        not null,          -- domain::saga::Input
    status     text        not null,
    step       text,
    detail     text,
    message_id uuid,
    primary key (order_id, id)
);

-- Answers given under an Idempotency-Key; committed with the order they belong to.
create table idempotency_keys (
    scope       text        not null,         -- whose key: two customers may choose the same
    key         text        not null,
    fingerprint bytea       not null,         -- SHA-256 of the request body
    order_id    uuid        not null,
    response    json        not null,
    created_at  timestamptz not null default now(),
    primary key (scope, key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);
