-- What the operator is told of dead letters: once per new group, on growth by powers of ten, and when a resolved one returns.

alter table dead_letter_groups
    add column told_failures bigint  not null default 0,    -- deaths when it was last told of
    add column has_returned  boolean not null default false; -- opened again since

create index dead_letter_groups_untold on dead_letter_groups (id) where told_failures = 0 or has_returned;

create table alerts (
    id       uuid primary key,
    kind     text        not null constraint alerts_kind_known check
        (kind in ('new_group', 'group_grown', 'group_returned', 'handler_silent', 'handler_back')),
    group_id uuid,
    owner    text,                                          -- whose it is: the route; null is the default one
    title    text        not null,
    body     text        not null,
    at       timestamptz not null default clock_timestamp(),
    sent_at  timestamptz,
    attempts integer     not null default 0,
    next_at  timestamptz not null default clock_timestamp(),
    error    text
);
create index alerts_unsent on alerts (next_at) where sent_at is null;
create index alerts_newest on alerts (at desc);
