-- The secrets from which tracking links are derived: a link is no row, so accepting an order writes nothing for it. The newest key
-- signs, all of them verify; deleting one ends the links that it has signed.

create table tracking_keys (
    id         smallint generated always as identity primary key constraint tracking_keys_id_is_a_byte check (id between 1 and 255),
    secret     bytea       not null constraint tracking_keys_secret_is_long check (length(secret) >= 32),
    created_at timestamptz not null default now()
);

-- Three random UUIDs hold 366 bits from the server's cryptographic source (gen_random_uuid); 256 of them remain.
insert into tracking_keys (secret)
    values (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));
