-- What an operator looks for in dead letters: groups of one cause, whose they are, and each death they died.

create extension if not exists pg_trgm;

alter table dead_letters
    add column group_id     uuid,                       -- dead_letter_groups.id
    add column customer_id  text,
    add column skus         text[] not null default '{}',
    add column operation_id uuid;                       -- the replay that claimed it last

create index dead_letters_of_group    on dead_letters (group_id, state, last_failed_at desc, id desc);
create index dead_letters_of_customer on dead_letters (customer_id, last_failed_at desc, id desc) where customer_id is not null;
create index dead_letters_by_time     on dead_letters (last_failed_at desc, id desc);
create index dead_letters_by_queue    on dead_letters (queue, last_failed_at desc, id desc);
create index dead_letters_by_kind     on dead_letters (kind, last_failed_at desc, id desc);
create index dead_letters_by_reason   on dead_letters (reason, last_failed_at desc, id desc);
create index dead_letters_by_sku      on dead_letters using gin (skus);
create index dead_letters_by_words    on dead_letters using gin (lower(error) gin_trgm_ops);

-- One row per cause: consumer, reason, type of message, and the error without what differs from message to message.
create table dead_letter_groups (
    id         uuid primary key,                        -- derived from all four
    queue      text        not null,
    reason     text        not null,
    kind       text,
    error      text        not null,                    -- ids, numbers and the message's own words left out
    first_seen timestamptz not null,
    last_seen  timestamptz not null,
    failures   bigint      not null default 0,          -- deaths ever, repeated ones included
    state      text        not null default 'open' constraint dead_letter_groups_state_known check
        (state in ('open', 'acknowledged', 'resolved')),
    owner      text,
    note       text,
    changed_at timestamptz not null default now(),
    changed_by text
);
create index dead_letter_groups_newest on dead_letter_groups (last_seen desc, id desc);

-- How many died in each minute: the trend, and whether a letter died alone or with its neighbours.
create table dead_letter_minutes (
    group_id uuid        not null,
    minute   timestamptz not null,
    failures integer     not null,
    primary key (group_id, minute)
);

-- Each death of each letter, with what every attempt said.
create table dead_letter_deaths (
    id             bigint generated always as identity primary key,
    dead_letter_id uuid        not null references dead_letters on delete cascade,
    at             timestamptz not null,
    replays        integer     not null,                -- how often it had been replayed by then
    reason         text        not null,
    error          text        not null,
    attempts       jsonb       not null                 -- [{"attempt", "at", "error"}], the oldest first
);
create index dead_letter_deaths_of on dead_letter_deaths (dead_letter_id, id);
