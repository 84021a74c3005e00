//! The command line of `dead-letter-handler`.

use clap::{Args, Parser, Subcommand};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::config::{BrokerArgs, DatabaseArgs, MetricsArgs};
use crate::contract::read_moment;
use crate::runtime::CommonArgs;
use crate::store::dead_letters::{Cursor, Filter, State};

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
}

#[derive(Subcommand)]
pub enum Verb {
    /// List dead letters, the newest failure first.
    List(ListArgs),
    /// Everything about one dead letter on one page.
    Show(ShowArgs),
    /// Publish dead letters again, each to the consumer that failed. Exit code 1 when any was not replayed.
    Replay(ReplayArgs),
    /// Give dead letters up; they stay in the database. Exit code 1 when any was not discarded.
    Discard(DiscardArgs),
}

#[derive(Args)]
pub struct FilterArgs {
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
            queue: self.queue.clone(),
            reason: self.reason.clone(),
            order_id: self.order,
            text: self.text.clone(),
            since: self.since,
            until: self.until,
        }
    }

    pub fn is_given(&self) -> bool {
        self.queue.is_some()
            || self.reason.is_some()
            || self.order.is_some()
            || self.text.is_some()
            || self.since.is_some()
            || self.until.is_some()
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
    /// Show e-mail addresses, phone numbers and binary payloads as they are.
    #[arg(long)]
    pub reveal: bool,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct ReplayArgs {
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    pub ids: Vec<Uuid>,
    /// Replay every unresolved dead letter that the filters match. Says how many first, and asks.
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
    /// With --all: only say how many.
    #[arg(long, requires = "all", conflicts_with = "yes")]
    pub dry_run: bool,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub broker: BrokerArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[cfg(feature = "crash-points")]
    #[command(flatten)]
    pub crash: crate::config::CrashArgs,
}

#[derive(Args)]
pub struct DiscardArgs {
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<Uuid>,
    /// Why it is given up.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub reason: String,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// A point in time, or how long ago.
fn parse_time(text: &str) -> Result<OffsetDateTime, &'static str> {
    const WRONG: &str = "must be a time as in 2026-01-31T12:00:00Z, or an age as in 90s, 30m, 2h, 7d";
    if let Ok(time) = read_moment(text) {
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
