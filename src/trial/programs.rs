//! The fleet's programs, beside the one that runs. Used by whatever starts one.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use tokio::process::Command;

/// Settings of an API that is loaded, not guarded: nobody has to say who they are, and nobody is too fast.
pub const OPEN: [(&str, &str); 3] = [("ACCESS", "open"), ("RATE_LIMIT_CALLER", "off"), ("RATE_LIMIT_ADDRESS", "off")];

/// The folder of this program; the roles are beside it.
///
/// # Errors
/// When the system does not tell.
pub fn programs() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("this program does not find its own folder")?;
    Ok(own.parent().context("this program has no folder")?.to_owned())
}

/// Makes schema and topology on empty servers.
///
/// # Errors
/// With the words of `setup`.
pub async fn set_up(amqp_url: &str, database_url: &str, environment: &[(String, String)]) -> anyhow::Result<()> {
    let mut command = Command::new(programs()?.join("setup"));
    command.envs(environment.iter().cloned());
    command.env("AMQP_URL", amqp_url).env("DATABASE_URL", database_url).kill_on_drop(true);
    let output = command.output().await.context("setup cannot be started")?;
    ensure!(output.status.success(), "setup failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// How this run is made again: the command of `./dev` with the arguments that this program was given.
pub fn command_line(command: &str) -> String {
    std::iter::once(format!("./dev {command}")).chain(std::env::args().skip(1)).collect::<Vec<_>>().join(" ")
}
