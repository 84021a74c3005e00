//! What the verbs about groups take.

use clap::Args;
use uuid::Uuid;

use super::OperatorArgs;
use crate::config::DatabaseArgs;
use crate::store::dead_letters::GroupState;

#[derive(Args)]
pub struct GroupsArgs {
    /// open, acknowledged or resolved.
    #[arg(long)]
    pub state: Option<GroupState>,
    /// Only groups of this owner.
    #[arg(long)]
    pub owner: Option<String>,
    /// Also groups of which no letter waits for an operator.
    #[arg(long)]
    pub all: bool,
    /// Most lines.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000), value_name = "COUNT")]
    pub limit: i64,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct GroupArgs {
    pub id: Uuid,
    /// Who looks after it; "" for nobody.
    #[arg(long)]
    pub owner: Option<String>,
    /// What is known about it; "" for nothing.
    #[arg(long)]
    pub note: Option<String>,
    /// open, acknowledged or resolved.
    #[arg(long)]
    pub state: Option<GroupState>,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}
