//! Options that two roles have in common: `fleet` runs both, and shows them once.

use clap::error::Error;
use clap::{ArgMatches, Args, Command, FromArgMatches};

/// Flattened like its content, as often as needed.
#[derive(Clone, Debug)]
pub struct Shared<T>(pub T);

impl<T: Args> Args for Shared<T> {
    fn augment_args(command: Command) -> Command {
        if is_there::<T>(&command) { command } else { T::augment_args(command) }
    }

    fn augment_args_for_update(command: Command) -> Command {
        if is_there::<T>(&command) { command } else { T::augment_args_for_update(command) }
    }
}

/// Every struct of options is a group of its own.
fn is_there<T: Args>(command: &Command) -> bool {
    T::group_id().is_some_and(|own| command.get_groups().any(|group| *group.get_id() == own))
}

/// The values are left where they are, for the next one who has them in common.
impl<T: Args> FromArgMatches for Shared<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Args)]
    struct Common {
        #[arg(long, default_value_t = 7)]
        number: u8,
        #[arg(long)]
        flag: bool,
    }

    #[derive(Args)]
    struct One {
        #[command(flatten)]
        common: Shared<Common>,
    }

    #[derive(Parser)]
    struct Both {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        other: Shared<Common>,
    }

    #[test]
    fn both_read_the_same_options_which_are_there_once() {
        use clap::CommandFactory;
        Both::command().debug_assert();
        let read = Both::parse_from(["test", "--number", "9", "--flag"]);
        let Both { one: One { common: Shared(one) }, other: Shared(other) } = read;
        assert_eq!((one.number, one.flag), (9, true));
        assert_eq!((other.number, other.flag), (9, true));
        assert_eq!(Both::parse_from(["test"]).other.0.number, 7);
    }
}
