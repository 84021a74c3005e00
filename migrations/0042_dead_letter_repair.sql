-- Repairs of dead letters, and what is taken out of them for good.

-- Each repair keeps what it replaced: the first one keeps the original.
create table dead_letter_edits (
    id             bigint generated always as identity primary key,
    dead_letter_id uuid        not null references dead_letters on delete cascade,
    at             timestamptz not null default clock_timestamp(),
    actor          text        not null,
    reason         text        not null,
    before         bytea       not null,
    patch          jsonb       not null                 -- JSON Patch (RFC 6902) from before to after
);
create index dead_letter_edits_of on dead_letter_edits (dead_letter_id, id);

alter table dead_letters add column erased_at timestamptz;      -- personal data is gone since then

create index dead_letters_by_end on dead_letters (state, state_changed_at) where state in ('resolved', 'discarded');
