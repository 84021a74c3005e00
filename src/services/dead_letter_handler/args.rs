//! The command line of `dead-letter-handler`.

mod chosen;
mod filter;
mod groups;
mod repair;
mod replay;
mod stops;

use clap::{Args, Parser, Subcommand};
use uuid::Uuid;

use crate::access::{Actor, Trust};
use crate::config::{DatabaseArgs, MetricsArgs};
use crate::lifecycle::SagaArgs;
use crate::runtime::CommonArgs;
use crate::store::dead_letters::{CountedBy, Cursor, State};
pub use chosen::{Chosen, ChosenArgs};
pub use filter::FilterArgs;
pub use groups::{GroupArgs, GroupsArgs};
pub use repair::{DiscardArgs, EditArgs, EraseArgs};
pub use replay::{ReplayArgs, ReplaysArgs, ReplaysVerb, RunArgs};
pub use stops::{DrainArgs, OneOrderArgs, OneQueueArgs, StoppedArgs};

/// Stores what nobody could process, and gives it back when it is repaired.
///
/// Without a command it runs the service: it takes the queue dead_letters into the database and raises an alert for each message.
#[derive(Parser)]
#[command(name = "dead-letter-handler", version, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub verb: Option<Verb>,
    #[command(flatten)]
    pub common: CommonArgs,
    #[command(flatten)]
    pub metrics: MetricsArgs,
    #[command(flatten)]
    pub saga: SagaArgs,
}

#[derive(Subcommand)]
pub enum Verb {
    /// List dead letters, the newest failure first.
    List(ListArgs),
    /// Everything about one dead letter on one page.
    Show(ShowArgs),
    /// The causes behind the dead letters: how many of each, since when, and whose they are.
    Groups(GroupsArgs),
    /// How many wait, by order, customer, sku, kind, queue or reason: the most first.
    Count(CountArgs),
    /// Everything about one group; or change its state, owner and note.
    Group(GroupArgs),
    /// Publish dead letters again, each to the consumer that failed: a few first, more as they go well, and none of a kind that
    /// fails again. Exit code 1 when not all were applied.
    Replay(ReplayArgs),
    /// Mend what dead letters say: by --set, by a JSON Patch, or in $EDITOR. Tried on their consumer before it is stored.
    Edit(EditArgs),
    /// Replays so far: list, show, pause, resume, cancel.
    Replays(ReplaysArgs),
    /// Give dead letters up; they stay in the database. Exit code 1 when any was not discarded.
    Discard(DiscardArgs),
    /// Take discards back; until retention ends.
    Restore(DiscardArgs),
    /// Take a customer's personal data out of all dead letters; that they failed, where and why is kept.
    Erase(EraseArgs),
    /// Stop the consumers of a queue: they finish what they have in hand; messages wait in the queue.
    Pause(OneQueueArgs),
    /// Let the consumers of a queue go on.
    Resume(OneQueueArgs),
    /// Take what waits in a queue out of it, into the store of dead letters.
    Drain(DrainArgs),
    /// Hold an order: messages about it are parked until it is released.
    Hold(OneOrderArgs),
    /// Let a held order go on; what was parked follows in its sequence.
    Release(OneOrderArgs),
    /// What is paused and held, since when, by whom and why.
    Stopped(StoppedArgs),
}

#[derive(Args)]
pub struct ListArgs {
    /// unresolved, replaying, resolved, discarded or parked.
    #[arg(long)]
    pub state: Option<State>,
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Most lines.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000), value_name = "COUNT")]
    pub limit: i64,
    /// Continue a list: the place that the page before ended with.
    #[arg(long, value_name = "PLACE")]
    pub after: Option<Cursor>,
    /// One JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct CountArgs {
    /// order, customer, sku, kind (the message's type), queue or reason.
    #[arg(long)]
    pub by: CountedBy,
    /// unresolved, replaying, resolved, discarded or parked.
    #[arg(long, default_value = "unresolved")]
    pub state: State,
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Most lines.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000), value_name = "COUNT")]
    pub limit: i64,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct ShowArgs {
    pub id: Uuid,
    /// Show e-mail addresses, phone numbers and binary payloads as they are. The audit log is told.
    #[arg(long)]
    pub reveal: bool,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Who acts, as the audit log names them.
#[derive(Args)]
pub struct OperatorArgs {
    /// Your name, for the audit log; else the name under which you are logged in.
    #[arg(long, env = "FLEET_OPERATOR", value_name = "NAME")]
    pub operator: Option<String>,
    /// The name under which you are logged in.
    #[arg(long, env = "USER", hide = true)]
    login: Option<String>,
}

impl OperatorArgs {
    /// Access to the database is the proof.
    pub fn actor(&self) -> Actor {
        let given = [&self.operator, &self.login].into_iter().flatten().find(|name| !name.is_empty());
        Actor::person(given.map_or("unknown", String::as_str), Trust::Operator)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
