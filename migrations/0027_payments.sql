-- Payments whose result comes later, every call to the gateway, refunds that operators asked for, webhooks that arrived.

alter table payments drop constraint payments_status_known;
alter table payments add constraint payments_status_known check
    (status in ('pending', 'taken', 'declined', 'cancelled', 'refunded'));

-- Whom to answer when the result of a pending payment comes. Gone with the answer.
create table pending_payments (
    order_id       uuid primary key references payments,
    request_id     uuid        not null,      -- the message that asked
    reply_to       text        not null,
    correlation_id text,
    since          timestamptz not null default now()
);

-- What the gateway was asked and what it said, later results included. Append-only.
create table payment_attempts (
    id         bigint generated always as identity,
    order_id   uuid        not null,
    at         timestamptz not null default now(),
    call       text        not null constraint payment_attempts_call_known check (call in ('charge', 'refund', 'webhook')),
    attempt    integer,                       -- of the message; null for webhooks
    outcome    text        not null,          -- domain::payment::AttemptOutcome
    reference  text,                          -- the gateway's name for what happened
    detail     text,                          -- decline code, or the error
    primary key (order_id, id)
);

-- Refunds of paid orders that an operator asked for: one per order.
create table payment_refunds (
    order_id     uuid primary key,
    reason       text        not null,
    requested_by text        not null,
    requested_at timestamptz not null default now()
);

-- The gateway's webhooks by their ids: each has its effect once.
create table payment_webhooks (
    id          text primary key,
    kind        text        not null,
    order_id    uuid        not null,
    effect      text        not null,         -- domain::payment::Settling
    received_at timestamptz not null default now()
);
create index payment_webhooks_by_age on payment_webhooks (received_at);
