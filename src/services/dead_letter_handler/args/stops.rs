//! What the verbs take that stop something and let it go.

use clap::Args;
use uuid::Uuid;

use super::OperatorArgs;
use crate::config::DatabaseArgs;

#[derive(Args)]
pub struct PauseArgs {
    #[arg(value_name = "QUEUE")]
    pub queue: String,
    /// Why, for whoever wonders, and for the audit log.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub why: String,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct ResumeConsumersArgs {
    #[arg(value_name = "QUEUE")]
    pub queue: String,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct HoldArgs {
    #[arg(value_name = "ORDER-ID")]
    pub order: Uuid,
    /// Why, for whoever wonders, and for the audit log.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub why: String,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct ReleaseArgs {
    #[arg(value_name = "ORDER-ID")]
    pub order: Uuid,
    #[command(flatten)]
    pub by: OperatorArgs,
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
