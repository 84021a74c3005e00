-- Replays as operations that are recorded, watched and resumed.

create table replay_operations (
    id            uuid primary key,
    operator      text        not null,
    reason        text,
    selection     text        not null,                 -- in words, as the operator gave it
    rate          integer     not null,                 -- most messages per second
    failure_limit double precision not null,            -- share of a group that may fail again
    watched       boolean     not null,                 -- whether each message is followed to its end
    state         text        not null default 'running' constraint replay_operations_state_known check
        (state in ('running', 'paused', 'stopped', 'cancelled', 'completed')),
    state_reason  text,
    total         integer     not null default 0,
    sent          integer     not null default 0,       -- on their way now
    applied       integer     not null default 0,
    failed        integer     not null default 0,
    skipped       integer     not null default 0,
    unseen        integer     not null default 0,
    kept          integer     not null default 0,
    stage         integer     not null default 1,       -- how many are sent at once: 1, 2, 5, 10, …
    created_at    timestamptz not null default now(),
    ended_at      timestamptz,
    runner        uuid,                                 -- who carries it out, until
    runner_until  timestamptz
);
create index replay_operations_newest on replay_operations (created_at desc, id desc);
create index replay_operations_open on replay_operations (id) where state = 'running';

create table replay_items (
    operation_id   uuid        not null references replay_operations on delete cascade,
    position       integer     not null,
    dead_letter_id uuid        not null,
    group_id       uuid,
    message_id     uuid,                                -- what its consumer's inbox knows it by, once it is sent
    state          text        not null default 'waiting' constraint replay_items_state_known check
        (state in ('waiting', 'sent', 'applied', 'failed', 'skipped', 'unseen', 'kept')),
    detail         text,
    sent_at        timestamptz,
    ended_at       timestamptz,
    primary key (operation_id, position)
) with (fillfactor = 70);
create index replay_items_open on replay_items (operation_id, position) where state = 'waiting';
create index replay_items_sent on replay_items (operation_id, position) where state = 'sent';
create index replay_items_by_letter on replay_items (dead_letter_id);
