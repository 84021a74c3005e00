-- What an operator has stopped: consumers, and single orders.

create table paused_consumers (
    queue  text primary key,
    reason text        not null,
    by     text        not null,
    at     timestamptz not null default now()
);

-- Messages about a held order are parked as dead letters, and released in their sequence.
create table order_holds (
    order_id uuid primary key,
    reason   text        not null,
    by       text        not null,
    at       timestamptz not null default now()
);

-- Is an earlier message of the same order dead? Asked for each message of an ordered queue while anything in it is.
create index dead_letters_open_by_order on dead_letters (queue, order_id) where state in ('unresolved', 'parked', 'replaying');
