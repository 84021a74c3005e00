-- The AMQP properties of a dead letter besides its headers (message id as the sender wrote it, reply_to, type, …): a replayed
-- message must be the same message.
alter table dead_letters add column properties jsonb not null default '{}';
