-- What people wrote about an order: the customer's wishes, the operators' remarks. Append-only.

create table order_notes (
    id         bigint generated always as identity,
    order_id   uuid        not null references orders,
    at         timestamptz not null default now(),
    author     text        not null,          -- as order_history.actor
    visibility text        not null constraint order_notes_visibility_known check (visibility in ('internal', 'public')),
    body       text        not null,
    primary key (order_id, id)
);
