//! `orders keys`: the API keys of programs.

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
use crate::access::Role;
use crate::store::api_keys::KeyRecord;

/// Makes, lists and revokes the API keys of programs. For admins.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  orders keys create --name shop-1 --role operator
  orders keys create --name app-of-eve --role customer --customer c-17 --expires-at 2100-01-01T00:00:00Z
  orders keys list
  orders keys revoke 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --reason \"left the company\"

The first key of all is made by `order-api keys create`, which needs the database and no token."
)]
pub struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes a key and writes it. It is shown this once.
    Create {
        /// Name of the program.
        #[arg(long)]
        name: String,
        /// customer, operator or admin.
        #[arg(long)]
        role: Role,
        /// Whose orders the key reaches; with --role customer.
        #[arg(long, value_name = "ID")]
        customer: Option<String>,
        /// End of the key, as in 2100-01-01T00:00:00Z; without it, it is valid until it is revoked.
        #[arg(long, value_name = "TIME")]
        expires_at: Option<String>,
    },
    /// Lists keys, the newest first.
    List(Paging),
    /// Revokes a key: it is refused from then on, one in use after ten seconds at the latest.
    Revoke {
        #[arg(value_name = "ID")]
        id: Uuid,
        /// For the audit log.
        #[arg(long)]
        reason: Option<String>,
    },
}

#[derive(Deserialize)]
struct Created {
    key: String,
}

impl Keys {
    /// # Errors
    /// What the API said, in words.
    pub async fn run(self, client: &Client, output: Output) -> Result<Outcome, Error> {
        match self.command {
            Command::Create { name, role, customer, expires_at } => {
                let mut body = Map::new();
                body.insert("name".to_owned(), json!(name));
                body.insert("role".to_owned(), json!(role));
                for (field, value) in [("customer_id", customer), ("expires_at", expires_at)] {
                    body.extend(value.map(|value| (field.to_owned(), Value::String(value))));
                }
                let answer = client.post(&["api-keys"], Value::Object(body).to_string(), None).await?.body;
                match output.json {
                    true => output.line(answer.trim_end())?,
                    false => output.line(&printable(&client.read::<Created>(&answer)?.key))?,
                }
            }
            Command::List(paging) => list(paging, client, output).await?,
            Command::Revoke { id, reason } => {
                let query: Vec<_> = reason.map(|reason| ("reason", reason)).into_iter().collect();
                let answer = client.delete(&["api-keys", &id.to_string()], &query).await?;
                let key: KeyRecord = client.read(&answer)?;
                match output.json {
                    true => output.line(answer.trim_end())?,
                    false => output.line(&format!("revoked  {}  {}", printable(&key.prefix), printable(&key.name)))?,
                }
            }
        }
        Ok(Outcome::Success)
    }
}

async fn list(paging: Paging, client: &Client, output: Output) -> Result<(), Error> {
    let found = paging.fetch(client, &["api-keys"], &[]).await?;
    if output.json {
        return output.document(&json!({ "api_keys": found.rows, "next_cursor": found.next_cursor }));
    }
    let mut table = output.table(&["id", "key", "name", "role", "customer", "until (UTC)", "last used (UTC)"]);
    let time = |at: Option<OffsetDateTime>, otherwise: &str| at.map_or(otherwise.to_owned(), moment);
    for row in &found.rows {
        let key: KeyRecord = client.read(row.get())?;
        let until = match key.revoked_at {
            Some(_) => output.bad("revoked"),
            None => time(key.expires_at, "no end"),
        };
        table.add_row([
            key.id.to_string(),
            format!("{}…", printable(&key.prefix)),
            printable(&key.name),
            key.role.to_string(),
            key.customer_id.map(|id| printable(id.as_str())).unwrap_or_default(),
            until,
            time(key.last_used_at, "never"),
        ]);
    }
    if !found.rows.is_empty() {
        output.line(&table.trim_fmt())?;
    }
    found.hint(output, "API key");
    Ok(())
}
