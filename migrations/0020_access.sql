-- Who may call the API: keys of programs, and what operators and admins did.

-- API keys. The key itself is shown once, when it is made; here is its hash.
create table api_keys (
    id           uuid primary key,
    prefix       text        not null,         -- begins the key; tells keys apart, no secret
    hash         bytea       not null constraint api_keys_hash unique,   -- SHA-256 of the whole key
    name         text        not null,         -- of the program; two keys may have one name while the program changes from one to the other
    role         text        not null constraint api_keys_role_known check (role in ('customer', 'operator', 'admin')),
    customer_id  text,                         -- whose things the key reaches
    created_at   timestamptz not null default now(),
    created_by   text        not null,         -- access::Actor as text
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz,                  -- to the minute
    constraint api_keys_customer_has_id check ((role = 'customer') = (customer_id is not null))
);

-- What operators and admins did, written in the transaction of the deed. Append-only.
create table audit_log (
    position       bigint primary key,         -- 1, 2, 3 without a gap, in the order of the commits
    at             timestamptz not null default clock_timestamp(),
    actor          text        not null,       -- access::Actor as text
    role           text        not null,
    action         text        not null,       -- as in stock.adjust
    target         text        not null,       -- as in product:GADGET-01
    reason         text,
    before         json,                       -- json, not jsonb: what was written is read back byte for byte
    after          json,
    correlation_id text
);
create index audit_log_by_actor  on audit_log (actor, position);
create index audit_log_by_action on audit_log (action, position);
create index audit_log_by_target on audit_log (target, position);

-- The end of the log. Whoever appends locks it until the end of the transaction: so positions follow the commits, a reader that has
-- seen a position has seen all before it, and each entry can be chained to the one before.
create table audit_log_end (
    single   boolean primary key default true constraint audit_log_end_is_one check (single),
    position bigint not null
);
insert into audit_log_end (position) values (0);

create function audit_log_append() returns trigger language plpgsql as $$
begin
    update audit_log_end set position = position + 1 returning position into new.position;
    return new;
end $$;
create trigger audit_log_append before insert on audit_log for each row execute function audit_log_append();

create function audit_log_refuse() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger audit_log_keep before update or delete or truncate on audit_log
    for each statement execute function audit_log_refuse();
create trigger audit_log_end_keep before delete or truncate on audit_log_end
    for each statement execute function audit_log_refuse();
