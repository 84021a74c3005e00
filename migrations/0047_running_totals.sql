-- How many there ever were: counting the rows would read all of them. A few rows for each, so that processes that count the same thing
-- at the same time seldom wait for each other.
create table running_totals (
    what text not null,
    shard smallint not null,
    count bigint not null,
    primary key (what, shard)
) with (fillfactor = 50);

insert into running_totals (what, shard, count)
select channel, 0, count(*) from notification_deliveries group by channel
union all
select 'event', 0, count(*) from recorded_events having count(*) > 0;
