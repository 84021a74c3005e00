-- Messages that run alone because processes have died with them in hand (messaging::isolate). Nearly always empty.

create table suspects (
    consumer   text        not null,
    message_id uuid        not null,
    runs       integer     not null default 1,
    first_at   timestamptz not null default now(),
    last_at    timestamptz not null default now(),
    primary key (consumer, message_id)
);
