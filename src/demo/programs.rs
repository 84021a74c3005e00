//! The programs that take part, as an operator would start them: the binaries beside this one, pointed at the stage. Used by whatever
//! starts one.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use time::OffsetDateTime;

use super::stage::Stage;
use crate::access::{ApiKey, Grant, Role, TokenRules, mint};

/// Settings of the developer's shell that would change what is expected of the demonstration: other retry delays, rates of the
/// gateway, real mail. They do not reach the programs.
const NOT_PASSED_ON: [&str; 28] = [
    "RETRY_DELAYS",
    "STOCK_DEADLINE_SECONDS",
    "PAYMENT_DEADLINE_SECONDS",
    "DRAIN_SECONDS",
    "GATEWAY_DECLINE_RATE",
    "GATEWAY_ERROR_RATE",
    "GATEWAY_LATENCY",
    "GATEWAY_SEED",
    "SMTP_URL",
    "SMTP_CA_FILE",
    "SMS_ACCOUNT_SID",
    "SMS_AUTH_TOKEN",
    "SMS_FROM",
    "PUSH_CREDENTIALS_FILE",
    "ORDERS_API_URL",
    "ORDER_API_URL",
    "ACCESS",
    "JWKS_URL",
    "JWT_AUDIENCE",
    "JWT_ISSUER",
    "JWT_LEEWAY_SECONDS",
    "JWT_ROLE_CLAIM",
    "RATE_LIMIT_CALLER",
    "RATE_LIMIT_ADDRESS",
    "REDIS_URL",
    "LOG_FORMAT",
    "RUST_LOG",
    "AMQP_MANAGEMENT_URL",
];

/// How a program that has ended, ended.
pub struct Ended {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

#[derive(Clone)]
pub struct Programs {
    folder: PathBuf,
    amqp_url: String,
    database_url: String,
    jwt_secret: String,
    /// An admin's, for this run.
    pub token: String,
}

/// Seconds; far above what a demonstration takes.
const TOKEN_LIFETIME: u64 = 6 * 3_600;

impl Programs {
    /// # Errors
    /// When this program's own folder is not known.
    pub fn on(stage: &Stage) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("the demonstration does not find its own folder")?;
        let folder = own.parent().context("the demonstration has no folder")?.to_owned();
        // a secret for one run, of which nobody else knows
        let jwt_secret = ApiKey::generate().context("the system has no random numbers")?.reveal().to_owned();
        let grant = Grant {
            subject: "demo".to_owned(),
            role: Role::Admin,
            customer_id: None,
            issued_at: u64::try_from(OffsetDateTime::now_utc().unix_timestamp())?,
            lifetime_seconds: TOKEN_LIFETIME,
        };
        let token = mint(&jwt_secret, &grant, &TokenRules::default())?;
        let (amqp_url, database_url) = (stage.amqp_url.clone(), stage.database_url.clone());
        Ok(Self { folder, amqp_url, database_url, jwt_secret, token })
    }

    /// The folder for what the programs write: `demo` beside the folder of the programs, thus under `target`.
    pub fn output_folder(&self) -> PathBuf {
        self.folder.parent().unwrap_or(&self.folder).join("demo")
    }

    /// Addresses go by the environment: a command line can be read by everyone on the machine.
    ///
    /// # Errors
    /// When the program was not built.
    pub fn command(&self, name: &str) -> anyhow::Result<Command> {
        let program = self.folder.join(name);
        ensure!(program.is_file(), "{} is missing: ./dev build", program.display());
        let mut command = Command::new(program);
        for setting in NOT_PASSED_ON {
            command.env_remove(setting);
        }
        command.env("AMQP_URL", &self.amqp_url).env("DATABASE_URL", &self.database_url).stdin(Stdio::null());
        command.env("JWT_SECRET", &self.jwt_secret).env("ORDERS_TOKEN", &self.token);
        Ok(command)
    }

    /// Runs a program to its end.
    ///
    /// # Errors
    /// When it cannot be started; that it ends badly is for the caller to judge.
    pub async fn run(&self, name: &str, args: &[impl AsRef<OsStr>]) -> anyhow::Result<Ended> {
        let mut command = self.command(name)?;
        command.args(args);
        let output = tokio::task::spawn_blocking(move || command.output()).await?;
        let output = output.with_context(|| format!("{name} cannot be started"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        Ok(Ended { success: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
    }

    /// Runs a program that must succeed, and answers what it wrote.
    ///
    /// # Errors
    /// With the program's own words when it fails.
    pub async fn answer(&self, name: &str, args: &[impl AsRef<OsStr>]) -> anyhow::Result<String> {
        let ended = self.run(name, args).await?;
        ensure!(
            ended.success,
            "{name} failed: {}",
            [&ended.stderr, &ended.stdout].map(String::as_str).join(" ").trim()
        );
        Ok(ended.stdout)
    }
}
