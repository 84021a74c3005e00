-- Outbound webhooks: who is told of which events, what was sent to whom, and every attempt.

create table webhook_endpoints (
    id                   uuid primary key,
    url                  text        not null,
    description          text        not null default '',
    event_types          text[]      not null,  -- exact, or with a wildcard at the end: order.*, *
    customer_id          text,                  -- only events about this customer's orders
    state                text        not null default 'enabled' constraint webhook_endpoints_state_known check
        (state in ('enabled', 'paused', 'disabled')),
    state_reason         text,
    secret               bytea       not null,  -- ports::webhooks::Vault: in clear or encrypted, its first byte says which
    previous_secret      bytea,                 -- signs too until previous_valid_until
    previous_valid_until timestamptz,
    failures             integer     not null default 0,  -- in a row
    failing_since        timestamptz,                     -- the first of them
    last_success_at      timestamptz,
    created_at           timestamptz not null default now(),
    updated_at           timestamptz not null default now()
);

-- One row per event and endpoint. Without foreign keys: an endpoint may be deleted while its events are being recorded.
create table webhook_deliveries (
    id              uuid primary key,           -- derived from event and endpoint
    endpoint_id     uuid        not null,
    event_id        uuid        not null,       -- recorded_events.message_id; webhook-id on the wire. A ping has its own
    event_type      text        not null,
    state           text        not null default 'pending' constraint webhook_deliveries_state_known check
        (state in ('pending', 'delivered', 'failed', 'held')),
    attempts        integer     not null default 0,
    last_status     smallint,
    last_error      text,
    last_attempt_at timestamptz,
    delivered_at    timestamptz,
    created_at      timestamptz not null default now()
);
create index webhook_deliveries_newest on webhook_deliveries (endpoint_id, created_at desc, id desc);
create index webhook_deliveries_by_age on webhook_deliveries using brin (created_at);

create table webhook_attempts (
    id          bigint generated always as identity primary key,
    delivery_id uuid        not null,
    at          timestamptz not null,
    duration_ms integer     not null,
    status      smallint,                       -- null: no answer
    error       text,                           -- null: delivered
    response    text                            -- the beginning of the answer
);
create index webhook_attempts_by_delivery on webhook_attempts (delivery_id, id);
create index webhook_attempts_by_age on webhook_attempts using brin (at);

-- Resending a range reads events by time.
create index recorded_events_by_age on recorded_events using brin (recorded_at);
