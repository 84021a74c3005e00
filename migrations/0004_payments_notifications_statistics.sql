-- What the outside world was asked to do, and what the fleet remembers for its figures.

create table payments (
    order_id     uuid primary key,            -- the payment key: one payment per order
    customer_id  text,
    amount       numeric(12,2),
    status       text        not null constraint payments_status_known check
        (status in ('taken', 'declined', 'cancelled', 'refunded')),
    reference    text,                        -- the gateway's name for the charge
    decline_code text,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now()
);

create table notification_deliveries (
    channel    text        not null,
    message_id uuid        not null,
    kind       text        not null,
    order_id   uuid        not null,
    recipient  text        not null,          -- masked
    transport  text        not null,          -- smtp, http or folder
    reference  text        not null,          -- the provider's id of the message, or the file's name
    at         timestamptz not null default now(),
    primary key (channel, message_id)
);
create index notification_deliveries_by_order on notification_deliveries (order_id);

create table recorded_events (
    message_id  uuid primary key,
    routing_key text        not null,
    order_id    uuid,
    body        json        not null,
    recorded_at timestamptz not null default now()
);
create index recorded_events_by_order on recorded_events (order_id) where order_id is not null;

create table statistics (
    period          text          not null check (period in ('minute', 'day')),
    starts_at       timestamptz   not null,   -- UTC
    created         bigint        not null default 0,
    confirmed       bigint        not null default 0,
    failed          bigint        not null default 0,
    cancelled       bigint        not null default 0,
    shipped         bigint        not null default 0,
    delivered       bigint        not null default 0,
    revenue         numeric(20,2) not null default 0,   -- of confirmed orders
    confirm_seconds double precision not null default 0, -- sum over the confirmed orders, submitted to confirmed
    confirm_seconds_max double precision not null default 0,
    primary key (period, starts_at)
);

create table statistics_failures (
    period    text        not null check (period in ('minute', 'day')),
    starts_at timestamptz not null,
    reason    text        not null,
    count     bigint      not null default 0,
    primary key (period, starts_at, reason)
);
