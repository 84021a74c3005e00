-- Products, their stock and its ledger. Only store::stock changes the stock tables, always with a ledger row.

create table products (
    sku                 text primary key,
    name                text          not null,
    price               numeric(12,2) not null check (price >= 0),
    active              boolean       not null default true,
    low_stock_threshold bigint        not null default 0 check (low_stock_threshold >= 0),
    created_at          timestamptz   not null default now(),
    updated_at          timestamptz   not null default now()
);

create table stock (
    sku      text primary key references products,
    on_hand  bigint not null,
    reserved bigint not null default 0,
    constraint stock_never_negative check (on_hand >= 0 and reserved >= 0 and reserved <= on_hand)
) with (fillfactor = 50);                     -- few rows, rewritten all the time

-- Every movement: initial and adjust change what is on hand, reserve and release what is promised, commit both.
create table stock_movements (
    id       bigint generated always as identity primary key,
    sku      text        not null,
    order_id uuid,
    kind     text        not null constraint stock_movements_kind_known check
        (kind in ('initial', 'adjust', 'reserve', 'release', 'commit')),
    quantity bigint      not null,            -- units; negative only for adjust
    reason   text,
    at       timestamptz not null default now()
);
create index stock_movements_by_sku on stock_movements (sku, id);

create table reservations (
    order_id   uuid primary key,
    status     text        not null constraint reservations_status_known check
        (status in ('reserved', 'committed', 'released', 'rejected')),
    lines      jsonb       not null,          -- domain::inventory::Line
    shortages  text[]      not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
) with (fillfactor = 80);
-- Few are open at any time; the scheduler looks for those left over.
create index reservations_open on reservations (updated_at) where status = 'reserved';
