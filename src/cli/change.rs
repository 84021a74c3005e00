//! `orders cancel`, `orders ship`, `orders deliver`: what somebody asks of an order, answered with where it stands then.

use clap::Args;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::get::OrderPage;
use super::output::Output;
use super::run::Outcome;
use crate::domain::{Carrier, InvalidText, TrackingNumber};

/// Cancels an order that is not shipped yet; what was paid is refunded, and the goods go back to the shelf.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  orders cancel 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --reason \"ordered twice\"
  orders cancel 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --json | jq -r .status

Cancelling twice is harmless. Exits with 1 when the order cannot be cancelled any more.")]
pub struct Cancel {
    /// The order's id, as `submit` and `list` show it.
    id: Uuid,
    /// Why, for the order's history. The customer does not see it.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Tells that an order was handed to a carrier; the customer gets the tracking number.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  orders ship 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --carrier DHL --tracking 00340434161094042557

Only a confirmed order can be shipped. The same parcel reported twice is harmless; another one is refused.")]
pub struct Ship {
    /// The order's id, as `submit` and `list` show it.
    id: Uuid,
    /// Who brings it to the customer.
    #[arg(long, value_name = "NAME", value_parser = carrier)]
    carrier: Carrier,
    /// The carrier's number of the parcel.
    #[arg(long = "tracking", value_name = "NUMBER", value_parser = tracking_number)]
    tracking_number: TrackingNumber,
}

/// Tells that a shipped order has reached the customer.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  orders deliver 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --reason \"signed by the neighbour\"")]
pub struct Deliver {
    /// The order's id, as `submit` and `list` show it.
    id: Uuid,
    /// A remark for the order's history.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

fn carrier(text: &str) -> Result<Carrier, InvalidText> {
    Carrier::parse(text.trim())
}

fn tracking_number(text: &str) -> Result<TrackingNumber, InvalidText> {
    TrackingNumber::parse(text.trim())
}

impl Cancel {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        ask(self.id, "cancel", &with_reason(self.reason), client, output).await
    }
}

impl Ship {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        let shipment = json!({"carrier": self.carrier, "tracking_number": self.tracking_number});
        ask(self.id, "ship", &shipment, client, output).await
    }
}

impl Deliver {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        ask(self.id, "deliver", &with_reason(self.reason), client, output).await
    }
}

fn with_reason(reason: Option<String>) -> Value {
    let mut body = Map::new();
    body.extend(reason.map(|reason| ("reason".to_owned(), Value::String(reason))));
    Value::Object(body)
}

async fn ask(id: Uuid, verb: &str, body: &Value, client: &Client, output: Output) -> Result<Outcome, Error> {
    let answer = client.post(&["orders", &id.to_string(), verb], body.to_string(), None).await?;
    answered(id, &answer.body, client, output)
}

/// Shows the order as it is then.
pub fn answered(id: Uuid, body: &str, client: &Client, output: Output) -> Result<Outcome, Error> {
    if output.json {
        output.line(body.trim_end())?;
        return Ok(Outcome::Success);
    }
    let page = client.read::<OrderPage>(body)?;
    output.line(page.render(output, false).trim_end())?;
    if !page.order.status.is_settled() {
        output.hint(&format!("on its way; follow it: orders watch {id}"));
    }
    Ok(Outcome::Success)
}
