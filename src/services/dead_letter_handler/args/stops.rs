//! What the verbs take that stop something and let it go.

use clap::Args;
use uuid::Uuid;

use super::OperatorArgs;
use crate::config::{BrokerArgs, DatabaseArgs};

/// The consumers of one queue.
#[derive(Args)]
pub struct OneQueueArgs {
    #[arg(value_name = "QUEUE")]
    pub queue: String,
    /// Why, for whoever wonders, and for the audit log.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub why: String,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct OneOrderArgs {
    #[arg(value_name = "ORDER-ID")]
    pub order: Uuid,
    /// Why, for whoever wonders, and for the audit log.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub why: String,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
#[command(after_help = "Examples:
  dead-letter-handler pause payment_requests --why 'the gateway charges twice'
  dead-letter-handler drain payment_requests --why 'the gateway charges twice' --dry-run
  dead-letter-handler drain payment_requests --why 'the gateway charges twice'
  dead-letter-handler replay --all --queue payment_requests --reason drained

A message is stored before it leaves the queue. It waits as unresolved, with the reason
`drained`, and is searched, edited, replayed or discarded as any dead letter. What
consumers have in hand is not touched; pause them first, or they take their share.

Exit codes: 0 all that waited was taken, 1 not all, 2 the queue cannot be drained.")]
pub struct DrainArgs {
    /// A queue that the fleet consumes, or one of its retry queues.
    #[arg(value_name = "QUEUE")]
    pub queue: String,
    /// Why, for whoever wonders, and for the audit log.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub why: String,
    /// Only say how many wait.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(long, conflicts_with = "dry_run")]
    pub yes: bool,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub broker: BrokerArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct StoppedArgs {
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}
