-- Replays are listed by their ids, which are in the order of their beginnings.
drop index replay_operations_newest;
-- What failed again is shown first.
create index replay_items_failed on replay_items (operation_id, position) where state = 'failed';
