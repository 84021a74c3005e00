-- Since when nothing was taken from a queue although something waits in it. The broker tells the age of no message in a quorum queue, so
-- the schedulers look every few seconds (services::queue_ages) and remember it here.

create table queue_ages (
    queue     text        primary key,
    looked_at timestamptz not null,         -- the last look
    messages  bigint      not null,         -- that waited then
    since     timestamptz                   -- null: nothing waited
) with (fillfactor = 50);
