//! `orders webhooks`: the endpoints at which partners are told of events, and what was sent to them.

mod log;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::list::Paging;
use super::output::{Output, moment, printable};
use super::run::Outcome;
use crate::domain::CustomerId;
use crate::domain::webhook::EventPattern;

/// Tells partners of events: registers endpoints, shows what was sent to them, sends it again.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  orders webhooks create --url https://partner.example/hooks --event order.* --event stock.low
  orders webhooks list
  orders webhooks ping 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001
  orders webhooks deliveries 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --state failed
  orders webhooks resend 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --since 2026-11-21T08:00:00Z

Webhooks are signed as Standard Webhooks says (www.standardwebhooks.com); an endpoint
answers with 2xx, and recognises repetitions by the header webhook-id."
)]
pub struct Webhooks {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists endpoints and how it goes with them.
    #[command(after_help = "Examples:
  orders webhooks list
  orders webhooks list --all --json | jq '.webhooks[] | select(.state == \"disabled\")'")]
    List(Paging),
    /// Registers an endpoint and shows its secret, this once.
    #[command(after_help = "Examples:
  orders webhooks create --url https://partner.example/hooks --event order.confirmed --event order.shipped
  orders webhooks create --url https://partner.example/hooks --event '*' --customer c-17 --description \"mirror\"")]
    Create(Create),
    /// Shows one endpoint.
    #[command(after_help = "Example:\n  orders webhooks show 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001")]
    Show(Endpoint),
    /// Changes an endpoint; what is not given stays.
    #[command(after_help = "Examples:
  orders webhooks update 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --url https://partner.example/v2/hooks
  orders webhooks update 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --event 'order.*' --any-customer")]
    Update(Update),
    /// Deletes an endpoint; what is on its way to it is not sent any more.
    #[command(after_help = "Example:\n  orders webhooks delete 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001")]
    Delete(Endpoint),
    /// Tells an endpoint of nothing until it is enabled.
    #[command(after_help = "Example:\n  orders webhooks pause 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001")]
    Pause(Endpoint),
    /// Enables an endpoint that was paused or disabled; `resend` sends what it missed.
    #[command(after_help = "Example:\n  orders webhooks enable 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001")]
    Enable(Endpoint),
    /// Gives an endpoint a new secret and shows it, this once. For a while both sign.
    #[command(after_help = "Examples:
  orders webhooks rotate 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001
  orders webhooks rotate 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --overlap-seconds 0     # the old one is known to strangers")]
    Rotate {
        #[command(flatten)]
        endpoint: Endpoint,
        /// How long the old secret signs, too.
        #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(i64).range(0..=2_592_000))]
        overlap_seconds: i64,
    },
    Ping(log::Ping),
    Deliveries(log::Deliveries),
    Resend(log::Resend),
}

/// Which endpoint.
#[derive(Debug, Args)]
struct Endpoint {
    /// The endpoint's id, as `orders webhooks list` shows it.
    id: Uuid,
}

#[derive(Debug, Args)]
struct Create {
    /// Where events go: an https address of a public host.
    #[arg(long)]
    url: String,
    /// A type of event as in order.confirmed, all that begin so as in order.*, or * for all; may be repeated.
    #[arg(long = "event", value_name = "TYPE", required = true, value_parser = pattern)]
    events: Vec<EventPattern>,
    /// Only events about this customer's orders.
    #[arg(long, value_name = "ID", value_parser = customer)]
    customer: Option<CustomerId>,
    /// For people.
    #[arg(long)]
    description: Option<String>,
}

#[derive(Debug, Args)]
struct Update {
    #[command(flatten)]
    endpoint: Endpoint,
    /// Where events go from now on.
    #[arg(long, required_unless_present_any = ["events", "customer", "any_customer", "description"])]
    url: Option<String>,
    /// The types of events that it gets instead; may be repeated.
    #[arg(long = "event", value_name = "TYPE", value_parser = pattern)]
    events: Vec<EventPattern>,
    /// Only events about this customer's orders.
    #[arg(long, value_name = "ID", value_parser = customer, conflicts_with = "any_customer")]
    customer: Option<CustomerId>,
    /// Events about all customers.
    #[arg(long)]
    any_customer: bool,
    /// For people.
    #[arg(long)]
    description: Option<String>,
}

/// An endpoint as the API shows it.
#[derive(Debug, Deserialize)]
struct Shown {
    id: Uuid,
    url: String,
    description: String,
    event_types: Vec<String>,
    customer_id: Option<String>,
    state: String,
    state_reason: Option<String>,
    failures: i64,
    #[serde(default, with = "time::serde::rfc3339::option")]
    failing_since: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    last_success_at: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    previous_secret_valid_until: Option<OffsetDateTime>,
    secret: Option<String>,
}

impl Webhooks {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        let body = match self.command {
            Command::List(paging) => return list(paging, client, output).await,
            Command::Ping(ping) => return ping.run(client, output).await,
            Command::Deliveries(deliveries) => return deliveries.run(client, output).await,
            Command::Resend(resend) => return resend.run(client, output).await,
            Command::Delete(Endpoint { id }) => return delete(id, client, output).await,
            Command::Create(create) => client.post(&["webhooks"], create.body(), None).await?.body,
            Command::Show(Endpoint { id }) => client.get(&["webhooks", &id.to_string()], &[]).await?,
            Command::Update(update) => {
                client.patch(&["webhooks", &update.endpoint.id.to_string()], update.body()).await?.body
            }
            Command::Pause(Endpoint { id }) => post(client, id, "pause", json!({})).await?,
            Command::Enable(Endpoint { id }) => post(client, id, "enable", json!({})).await?,
            Command::Rotate { endpoint, overlap_seconds } => {
                post(client, endpoint.id, "rotate", json!({ "overlap_seconds": overlap_seconds })).await?
            }
        };
        if output.json {
            output.line(body.trim_end())?;
        } else {
            client.read::<Shown>(&body)?.print(output)?;
        }
        Ok(Outcome::Success)
    }
}

async fn post(client: &Client, id: Uuid, verb: &str, body: Value) -> Result<String, Error> {
    Ok(client.post(&["webhooks", &id.to_string(), verb], body.to_string(), None).await?.body)
}

async fn delete(id: Uuid, client: &Client, output: Output) -> Result<Outcome, Error> {
    client.delete(&["webhooks", &id.to_string()], &[]).await?;
    match output.json {
        true => output.document(&json!({ "deleted": id }))?,
        false => output.line(&format!("deleted  {id}"))?,
    }
    Ok(Outcome::Success)
}

async fn list(paging: Paging, client: &Client, output: Output) -> Result<Outcome, Error> {
    let found = paging.fetch(client, &["webhooks"], &[]).await?;
    if output.json {
        output.document(&json!({ "webhooks": found.rows, "next_cursor": found.next_cursor }))?;
        return Ok(Outcome::Success);
    }
    let mut table = output.table(&["id", "state", "events", "customer", "url", "description", "note"]);
    for row in &found.rows {
        let shown: Shown = client.read(row.get())?;
        table.add_row([
            shown.id.to_string(),
            shown.state.clone(),
            printable(&shown.event_types.join(" ")),
            shown.customer_id.as_deref().map(printable).unwrap_or_default(),
            printable(&shown.url),
            printable(&shown.description),
            shown.note(),
        ]);
    }
    if !found.rows.is_empty() {
        output.line(&table.trim_fmt())?;
    }
    found.hint(output, "endpoint");
    Ok(Outcome::Success)
}

impl Create {
    fn body(&self) -> String {
        let mut body = json!({ "url": self.url, "event_types": self.events });
        if let Some(customer) = &self.customer {
            body["customer_id"] = json!(customer);
        }
        if let Some(description) = &self.description {
            body["description"] = json!(description);
        }
        body.to_string()
    }
}

impl Update {
    fn body(&self) -> String {
        let mut body = Map::new();
        let mut set = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
        if let Some(url) = &self.url {
            set("url", json!(url));
        }
        if !self.events.is_empty() {
            set("event_types", json!(self.events));
        }
        if let Some(description) = &self.description {
            set("description", json!(description));
        }
        match &self.customer {
            Some(customer) => set("customer_id", json!(customer)),
            None if self.any_customer => set("customer_id", Value::Null),
            None => {}
        }
        Value::Object(body).to_string()
    }
}

impl Shown {
    fn note(&self) -> String {
        match (&self.state_reason, self.failing_since) {
            (Some(reason), _) => printable(reason),
            (None, Some(since)) => format!("{} failures since {}", self.failures, moment(since)),
            (None, None) => String::new(),
        }
    }

    fn print(&self, output: Output) -> Result<(), Error> {
        let line = |name: &str, value: &str| match value.is_empty() {
            true => Ok(()),
            false => output.line(&format!("{name:<12}  {}", printable(value))),
        };
        let at = |time: Option<OffsetDateTime>| time.map(moment).unwrap_or_default();
        line("id", &self.id.to_string())?;
        line("url", &self.url)?;
        line("events", &self.event_types.join(" "))?;
        line("customer", self.customer_id.as_deref().unwrap_or_default())?;
        line("description", &self.description)?;
        line("state", &self.state)?;
        line("note", &self.note())?;
        line("last success", &at(self.last_success_at))?;
        line("old secret", &at(self.previous_secret_valid_until.filter(|_| self.secret.is_none())))?;
        if let Some(secret) = &self.secret {
            line("secret", secret)?;
            output.hint("the secret is not shown again");
            if let Some(until) = self.previous_secret_valid_until {
                output.hint(&format!("the old one signs, too, until {}", moment(until)));
            }
        }
        Ok(())
    }
}

fn pattern(text: &str) -> Result<EventPattern, String> {
    EventPattern::parse(text).map_err(|error| error.to_string())
}

fn customer(text: &str) -> Result<CustomerId, String> {
    CustomerId::parse(text).map_err(|error| error.to_string())
}
