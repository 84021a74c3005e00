-- Who runs: one row per process and role, written by the process itself every few seconds (runtime::heartbeat), removed by it
-- when it stops in good order. A row that is no longer renewed belongs to a process that died or hangs.

create table instances (
    id          uuid        not null,         -- of the process; a restarted one has another
    role        text        not null,
    host        text        not null,
    pid         integer     not null,
    version     text        not null,
    started_at  timestamptz not null,
    seen_at     timestamptz not null,         -- by the database's clock, as started_at is: hosts' clocks differ
    state       text        not null constraint instances_state_known check
        (state in ('starting', 'running', 'paused', 'draining')),
    reason      text,                         -- what keeps it from running
    cpu_seconds double precision,             -- of the whole process, as rss_bytes is
    rss_bytes   bigint,
    breakers    jsonb       not null,         -- contract::instance::BreakerReport
    detail      jsonb       not null,         -- contract::instance::InstanceDetail
    primary key (id, role)
) with (
    -- few rows, rewritten all the time: room for in-place updates, and cleaned by count
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500
);

-- What an operator asks first (ops::status). Nearly always empty, so they cost the writers nothing.
create index outbox_parked       on outbox (position) where parked is not null;
create index stuck_orders_oldest on stuck_orders (since, order_id);
