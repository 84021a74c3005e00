-- Replays are listed by their ids, which are in the order of their beginnings.
drop index replay_operations_newest;
