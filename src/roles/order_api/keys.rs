//! `order-api keys`: the API keys of programs, straight in the database, as for the first one, when nobody can call the API yet.
//! `/api/v1/api-keys` does the same for admins.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::say;
use super::token::lifetime;
use crate::access::{Actor, ApiKey, Role, Trust};
use crate::config::DatabaseArgs;
use crate::domain::CustomerId;
use crate::ops::api_keys;
use crate::store::api_keys::{KeyRecord, NewKey, page};

/// Who the audit log says it was: whoever has the database's password.
const CONSOLE: &str = "console";
/// Most keys that are listed.
const MOST: i64 = 1_000;

/// Make, list and revoke the API keys of programs.
#[derive(Args)]
#[command(after_help = "Examples:
  order-api keys create --name shop-1 --role operator
  order-api keys create --name app-of-eve --role customer --customer c-17 --ttl 30d
  order-api keys list
  order-api keys revoke 0199c1d2-7a40-7c1e-9d43-0c2f5a1be001 --reason \"left the company\"")]
pub struct KeysVerb {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    database: DatabaseArgs,
    /// JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// Make a key and print it. It is shown this once.
    Create {
        /// Name of the program.
        #[arg(long, value_parser = ApiKey::read_name)]
        name: String,
        /// customer, operator or admin.
        #[arg(long)]
        role: Role,
        /// Whose orders the key reaches; with --role customer.
        #[arg(long, value_name = "ID", value_parser = |text: &str| CustomerId::parse(text))]
        customer: Option<CustomerId>,
        /// How long it is valid, as in 30d; without it, until it is revoked.
        #[arg(long, value_name = "TIME", value_parser = lifetime)]
        ttl: Option<u64>,
    },
    /// List all keys, the newest first.
    List,
    /// Revoke a key: it is refused from then on, one in use after ten seconds at the latest.
    Revoke {
        id: Uuid,
        /// For the audit log.
        #[arg(long)]
        reason: Option<String>,
    },
}

impl KeysVerb {
    pub fn run(self) -> ExitCode {
        let done = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the runtime cannot start")
            .and_then(|runtime| runtime.block_on(self.act()));
        match done {
            Ok(text) => say(&text),
            Err(error) => {
                eprintln!("order-api: {error:#}");
                ExitCode::FAILURE
            }
        }
    }

    async fn act(self) -> anyhow::Result<String> {
        let pool = self.database.pool("order-api keys").context("DATABASE_URL cannot be read")?;
        let mut db = pool.acquire().await.context("the database does not answer")?;
        match self.verb {
            Verb::Create { name, role, customer, ttl } => {
                let trust =
                    Trust::of(role, customer).context("--customer goes with --role customer, and only there")?;
                let life = ttl.map(|seconds| Duration::seconds(i64::try_from(seconds).unwrap_or(i64::MAX)));
                let expires_at = life.map(|life| OffsetDateTime::now_utc() + life);
                create(&mut db, &NewKey { name, trust, expires_at }, self.json).await
            }
            Verb::List => {
                let keys = page(&mut db, Uuid::max(), MOST).await?;
                Ok(match self.json {
                    true => json!({ "api_keys": keys }).to_string(),
                    false if keys.is_empty() => "no API keys".to_owned(),
                    false => keys.iter().map(line).collect::<Vec<_>>().join("\n"),
                })
            }
            Verb::Revoke { id, reason } => {
                let revoked = api_keys::revoke(&mut db, &Actor::system(CONSOLE), id, reason.as_deref(), None).await?;
                let record = revoked.with_context(|| format!("there is no API key {id}"))?;
                Ok(if self.json { json!(record).to_string() } else { line(&record) })
            }
        }
    }
}

async fn create(db: &mut PgConnection, new: &NewKey, as_json: bool) -> anyhow::Result<String> {
    let (key, record) = api_keys::create(db, &Actor::system(CONSOLE), new, None).await?;
    Ok(match as_json {
        true => json!({ "key": key.reveal(), "id": record.id, "prefix": record.prefix }).to_string(),
        false => key.reveal().to_owned(),
    })
}

fn line(key: &KeyRecord) -> String {
    let day = |at: Option<OffsetDateTime>, otherwise: &str| at.map_or(otherwise.to_owned(), |at| at.date().to_string());
    let whose = key.customer_id.as_ref().map_or(String::new(), |customer| format!(" ({customer})"));
    let state = match key.revoked_at {
        Some(at) => format!("revoked {}", at.date()),
        None => format!("until {}", day(key.expires_at, "revoked")),
    };
    let used = day(key.last_used_at, "never");
    format!("{}  {}  {}  {}{whose}  {state}  last used {used}", key.id, key.prefix, key.name, key.role)
}
