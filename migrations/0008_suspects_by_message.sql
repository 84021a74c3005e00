-- A message may exist in several copies (its cause publishes it again after a death), and the broker counts the returns of each copy
-- by itself. So the runs that never ended are counted here, by message: alone (`runs`) and among others.

alter table suspects
    add column in_company integer not null default 0,
    add column replays    integer not null default 0; -- of the copy that ran alone last: a replay is judged anew
