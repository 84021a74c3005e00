//! The letters that a verb works on, and whether it asks before: the same for replays and repairs.

use clap::Args;
use uuid::Uuid;

use super::FilterArgs;
use crate::store::dead_letters::{Filter, Selection};

#[derive(Args)]
pub struct ChosenArgs {
    #[arg(value_name = "ID", conflicts_with_all = ["all", "group"])]
    pub ids: Vec<Uuid>,
    /// Every unresolved dead letter that the filters match. Says first what would happen, and asks.
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
}

/// What was chosen.
pub enum Chosen {
    Ids(Vec<Uuid>),
    Matching(Filter),
}

impl ChosenArgs {
    /// # Errors
    /// What is wrong with the choice, in words.
    pub fn read(&self) -> Result<Chosen, &'static str> {
        let filter = self.filter.filter(None);
        match (self.all || self.filter.group.is_some(), self.ids.is_empty()) {
            (true, _) => Ok(Chosen::Matching(filter)),
            (false, _) if !filter.is_empty() => Err("filters go with --all or --group, not with ids"),
            (false, true) => Err("name dead letters, a --group, or --all"),
            (false, false) => Ok(Chosen::Ids(self.ids.clone())),
        }
    }
}

impl Chosen {
    pub fn selection(&self) -> Selection<'_> {
        match self {
            Self::Ids(ids) => Selection::Ids(ids),
            Self::Matching(filter) => Selection::Matching(filter),
        }
    }

    /// Whether letters were meant that nobody has named.
    pub fn is_by_filter(&self) -> bool {
        matches!(self, Self::Matching(_))
    }
}
