-- The two ends of every message: the inbox makes deliveries happen once, the outbox makes commits reach the broker.

create table inbox (
    consumer    text        not null,
    message_id  uuid        not null,
    outgoing    json,                         -- what the first run caused; published again when the input is redelivered
    received_at timestamptz not null default now(),
    primary key (consumer, message_id)
);
create index inbox_by_age on inbox using brin (received_at);

create table outbox (
    position   bigint generated always as identity primary key,
    message    json        not null,          -- contract::Outgoing
    created_at timestamptz not null default now(),
    parked     text                           -- why it cannot be published; null while it waits for its turn
) with (
    -- the table is a queue: nearly every row is dead soon, so it is cleaned by count, not by share, and without pauses
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0
);

-- One row per message and per consumer that gave up on it.
create table dead_letters (
    id              uuid primary key,
    message_id      uuid        not null,
    queue           text        not null,     -- whose consumer failed; empty when nobody can tell
    exchange        text        not null,     -- the way back
    routing_key     text        not null,
    reason          text        not null,     -- code of messaging::settle::DeadLetterReason, or the broker's x-death reason
    error           text        not null,
    kind            text,
    correlation_id  text,
    order_id        uuid,
    headers         jsonb       not null,
    properties      jsonb       not null,     -- the other AMQP properties: a replayed message must be the same message
    deaths          jsonb       not null,     -- the broker's x-death
    payload         bytea       not null,
    content_type    text,
    first_failed_at timestamptz not null,
    last_failed_at  timestamptz not null,
    failures        integer     not null default 1,
    replays         integer     not null default 0,
    state           text        not null default 'unresolved' constraint dead_letters_state_known check
        (state in ('unresolved', 'replaying', 'resolved', 'discarded', 'parked')),
    state_reason    text,
    state_changed_at timestamptz not null default now(),
    constraint dead_letters_one_per_failure unique (message_id, queue)
);
create index dead_letters_newest on dead_letters (state, last_failed_at desc, id desc);
create index dead_letters_by_order on dead_letters (order_id) where order_id is not null;
