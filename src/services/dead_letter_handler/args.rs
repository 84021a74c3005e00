//! The command line of `dead-letter-handler`.

use clap::{Args, Parser, Subcommand};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::access::{Actor, Trust};
use crate::config::{BrokerArgs, DatabaseArgs, MetricsArgs};
use crate::domain::CustomerId;
use crate::lifecycle::SagaArgs;
use crate::runtime::CommonArgs;
use crate::store::dead_letters::{Cursor, Filter, GroupState, State};

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
    Pause(PauseArgs),
    /// Let the consumers of a queue go on.
    Resume(ResumeConsumersArgs),
    /// Hold an order: messages about it are parked until it is released.
    Hold(HoldArgs),
    /// Let a held order go on; what was parked follows in its sequence.
    Release(ReleaseArgs),
    /// What is paused and held, since when, by whom and why.
    Stopped(StoppedArgs),
}

#[derive(Args)]
pub struct FilterArgs {
    /// Group, as `groups` lists it.
    #[arg(long, value_name = "GROUP-ID")]
    pub group: Option<Uuid>,
    /// Type of the message, as in order.submitted or stock.reserve.
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Messages about this customer's orders.
    #[arg(long, value_name = "CUSTOMER-ID")]
    pub customer: Option<String>,
    /// Messages about this product.
    #[arg(long)]
    pub sku: Option<String>,
    /// Queue whose consumer failed.
    #[arg(long)]
    pub queue: Option<String>,
    /// Reason, as in bad_message, refused, attempts_exhausted, panicked, delivery_limit, rejected.
    #[arg(long)]
    pub reason: Option<String>,
    /// Messages about this order.
    #[arg(long, value_name = "ORDER-ID")]
    pub order: Option<Uuid>,
    /// Part of the error, in upper or lower case.
    #[arg(long)]
    pub text: Option<String>,
    /// Failed last at this time or later: 2026-01-31T12:00:00Z, or 90s, 30m, 2h, 7d ago.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub since: Option<OffsetDateTime>,
    /// Failed last before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub until: Option<OffsetDateTime>,
}

impl FilterArgs {
    pub fn filter(&self, state: Option<State>) -> Filter {
        Filter {
            state,
            group_id: self.group,
            kind: self.kind.clone(),
            customer_id: self.customer.clone(),
            sku: self.sku.clone(),
            queue: self.queue.clone(),
            reason: self.reason.clone(),
            order_id: self.order,
            text: self.text.clone(),
            since: self.since,
            until: self.until,
        }
    }
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

/// Who acts, as the audit log names them.
#[derive(Args)]
pub struct OperatorArgs {
    /// Your name, for the audit log.
    #[arg(long, env = "FLEET_OPERATOR", default_value_t = whoever(), value_name = "NAME")]
    pub operator: String,
}

impl OperatorArgs {
    /// Access to the database is the proof.
    pub fn actor(&self) -> Actor {
        Actor::person(self.operator.clone(), Trust::Operator)
    }
}

/// The name of whoever is logged in.
fn whoever() -> String {
    std::env::var("USER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// What running a replay takes.
#[derive(Args)]
pub struct RunArgs {
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[command(flatten)]
    pub broker: BrokerArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct ReplayArgs {
    #[arg(value_name = "ID", conflicts_with_all = ["all", "group"])]
    pub ids: Vec<Uuid>,
    /// Replay every unresolved dead letter that the filters match. Says first what would happen, and asks.
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
    /// Only say what would happen: the consumers' own code runs, and is rolled back.
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Why, for the audit log.
    #[arg(long)]
    pub why: Option<String>,
    /// Most messages per second, once the first have gone well.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(i32).range(1..=10_000), value_name = "COUNT")]
    pub rate: i32,
    /// Percent of a group that may fail again; beyond it the rest of the group is kept.
    #[arg(long, default_value_t = 5.0, value_parser = percent, value_name = "PERCENT")]
    pub failure_limit: f64,
    /// Do not follow the messages to their end: publish them all, with retries as usual.
    #[arg(long)]
    pub no_watch: bool,
    #[command(flatten)]
    pub run: RunArgs,
    #[cfg(feature = "crash-points")]
    #[command(flatten)]
    pub crash: crate::config::CrashArgs,
}

fn percent(text: &str) -> Result<f64, &'static str> {
    let percent = text.trim_end_matches('%').parse().map_err(|_| "must be a number from 0 to 100")?;
    if (0.0..=100.0).contains(&percent) { Ok(percent) } else { Err("must be a number from 0 to 100") }
}

#[derive(Args)]
pub struct ReplaysArgs {
    #[command(subcommand)]
    pub verb: ReplaysVerb,
}

#[derive(Subcommand)]
pub enum ReplaysVerb {
    /// The newest first.
    List(ReplayListArgs),
    /// How far one has come.
    Show(OneReplayArgs),
    /// Send nothing more; what is on its way ends.
    Pause(OneReplayArgs),
    /// Go on, in this process.
    Resume(ResumeArgs),
    /// Send nothing more, for good; what was not sent stays unresolved.
    Cancel(OneReplayArgs),
}

#[derive(Args)]
pub struct ReplayListArgs {
    /// Most lines.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=10_000), value_name = "COUNT")]
    pub limit: i64,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct OneReplayArgs {
    pub id: Uuid,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct ResumeArgs {
    pub id: Uuid,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Args)]
pub struct EditArgs {
    #[arg(value_name = "ID", conflicts_with_all = ["all", "group"])]
    pub ids: Vec<Uuid>,
    /// Edit every unresolved dead letter that the filters match. Shows the changes first, and asks.
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Set one value, as in items.0.sku=GADGET-01 or /email="ada@shop.example". Can be repeated.
    #[arg(long, value_name = "PATH=VALUE", conflicts_with = "patch")]
    pub set: Vec<String>,
    /// A file with a JSON Patch (RFC 6902); - for standard input.
    #[arg(long, value_name = "FILE")]
    pub patch: Option<String>,
    /// Why, for the audit log.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub why: String,
    /// Only show what would change.
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

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

#[derive(Args)]
pub struct EraseArgs {
    /// Whose data.
    #[arg(long, value_name = "CUSTOMER-ID", value_parser = |text: &str| CustomerId::parse(text))]
    pub customer: CustomerId,
    /// Why, for the audit log. Without personal data: the log is never erased.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub why: String,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct DiscardArgs {
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<Uuid>,
    /// Why it is given up.
    #[arg(long, visible_alias = "reason", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub why: String,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// A point in time, or how long ago.
fn parse_time(text: &str) -> Result<OffsetDateTime, &'static str> {
    const WRONG: &str = "must be a time as in 2026-01-31T12:00:00Z, or an age as in 90s, 30m, 2h, 7d";
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(time);
    }
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86_400,
        Some(_) | None => return Err(WRONG),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| WRONG)?;
    OffsetDateTime::now_utc().checked_sub(Duration::seconds(i64::from(number) * unit)).ok_or(WRONG)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn times_are_points_or_ages() {
        assert!(parse_time("2026-01-31T12:00:00Z").is_ok());
        assert!(parse_time("2h").expect("an age") < OffsetDateTime::now_utc());
        for wrong in ["", "h", "2x", "-1h", "yesterday", "2ä"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }
}
