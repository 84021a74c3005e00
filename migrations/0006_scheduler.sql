-- What the scheduler did, and the orders that it had to look after.

-- One row per job: when it ran last, and how it went.
create table scheduler_jobs (
    job         text primary key,
    last_run_at timestamptz not null,
    runs        bigint      not null default 1,
    failures    bigint      not null default 0,
    last_error  text
);

-- The runs that did something or failed; runs with nothing to do are only counted above.
create table scheduler_runs (
    id         bigint generated always as identity primary key,
    job        text        not null,
    started_at timestamptz not null,
    ended_at   timestamptz not null default now(),
    done       bigint      not null,          -- how many things it took care of
    detail     jsonb       not null default '{}',
    error      text
);
create index scheduler_runs_newest on scheduler_runs (job, id desc);

-- Orders that did not move on in time: what each waits for, since when, what was done. Gone when the order is settled.
create table stuck_orders (
    order_id   uuid primary key,
    waits_for  text        not null,
    since      timestamptz not null,
    noticed_at timestamptz not null default now(),
    nudges     integer     not null default 1,
    last_done  text        not null,
    last_at    timestamptz not null default now()
);
