-- The audit log as a chain: each entry carries a hash over itself and the entry before, so that no later change goes unnoticed. Who can
-- rewrite the whole table can rewrite the chain; an end of it that was noted elsewhere tells on them.

alter table audit_log add column hash bytea;
alter table audit_log_end add column hash bytea not null default '';

-- SHA-256 over the hash before and the entry's fields as one JSON array, in which no field can run into the next.
create function audit_log_hash(before bytea, entry audit_log) returns bytea language sql immutable as $$
    select sha256(before || convert_to(json_build_array(
        entry.position, (extract(epoch from entry.at) * 1000000)::bigint, entry.actor, entry.role, entry.action, entry.target,
        entry.reason, entry.before::text, entry.after::text, entry.correlation_id)::text, 'UTF8'))
$$;

-- What was written before there was a chain is chained now.
alter table audit_log disable trigger audit_log_keep;
do $$
declare
    entry audit_log;
    chain bytea := '';
begin
    for entry in select * from audit_log order by position loop
        chain := audit_log_hash(chain, entry);
        update audit_log set hash = chain where position = entry.position;
    end loop;
    update audit_log_end set hash = chain;
end $$;
alter table audit_log enable trigger audit_log_keep;
alter table audit_log alter column hash set not null;

create or replace function audit_log_append() returns trigger language plpgsql as $$
declare
    last bytea;
begin
    update audit_log_end set position = position + 1 returning position, hash into new.position, last;
    new.hash := audit_log_hash(last, new);
    update audit_log_end set hash = new.hash;
    return new;
end $$;
