//! `orders resolve`: an operator ends an order that stands still.

use clap::{Args, ValueEnum};
use serde_json::json;
use uuid::Uuid;

use super::change::answered;
use super::client::Client;
use super::error::Error;
use super::output::Output;
use super::run::Outcome;

/// Ends an order that stands still: goes on with an answer that was lost, or gives up what nobody answered.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  orders resolve 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --as confirmed --why 'paid, the answer was lost'
  orders resolve 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --as failed --why 'the gateway has lost the payment'

`orders status` lists the orders that stand still and what each waits for. What is on
record of stock and payment decides how far an order may go:
  confirmed  needs its stock reserved; once the money is taken, it is confirmed
  failed     the step is given up as if its deadline had passed, and all is undone
  cancelled  as `orders cancel`, and goes on where an undoing has stopped

Exits with 1 when stock or payment do not allow it, and says what is missing.")]
pub struct Resolve {
    /// The order's id, as `submit`, `list` and `status` show it.
    id: Uuid,
    /// How it is to end.
    #[arg(long = "as", value_name = "STATUS")]
    end: End,
    /// Why, for the order's history and for the audit log.
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    why: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum End {
    Confirmed,
    Failed,
    Cancelled,
}

impl Resolve {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        let end = match self.end {
            End::Confirmed => "confirmed",
            End::Failed => "failed",
            End::Cancelled => "cancelled",
        };
        let body = json!({"as": end, "reason": self.why});
        let answer = client.post(&["orders", &self.id.to_string(), "resolve"], body.to_string(), None).await?;
        answered(self.id, &answer.body, client, output)
    }
}
