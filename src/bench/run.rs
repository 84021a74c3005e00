//! One bench from the empty servers to the table of targets. Called by `src/bin/bench.rs`.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use tokio::time::Instant;

use super::args::BenchArgs;
use super::figures::{Figures, Machine};
use super::fleet::Berth;
use super::play::Stage;
use super::queues::Traffic;
use super::scenario::Scenario;
use super::servers::Servers;
use super::tables::{self, Rows};
use super::{parts, report, targets};
use crate::runtime::told_to_stop;
use crate::trial::{OPEN, command_line, set_up};

/// Short, so that failed payments do not make a scenario of minutes; the ladder's length is not what is measured.
const RETRY_DELAYS: &str = "1s,2s,4s";

pub async fn main() -> ExitCode {
    let args = BenchArgs::parse();
    let ended = tokio::select! {
        ended = run(&args) => ended,
        told = told_to_stop() => Err(told.map_or_else(Into::into, |()| anyhow::anyhow!("stopped by a signal"))),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let begun = Instant::now();
    let machine = Machine::look();
    let servers = Servers::new(args)?;
    let folder = args.fleet_dir.join("roles");
    std::fs::create_dir_all(&folder)?;
    let settings = [("RETRY_DELAYS", RETRY_DELAYS), ("NO_PROXY", "127.0.0.1")];
    let environment: Vec<(String, String)> =
        settings.into_iter().chain(OPEN).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    set_up(&servers.amqp_url, &servers.database_url, &environment).await?;
    say("limits of the parts");
    let parts = parts::measure(&servers).await?;
    let before = (Traffic::read(&servers.management_url).await?, Rows::read(&servers.db).await?);
    let berth = Berth::new(&servers, args.first_port, folder, environment);
    let mut stage = Stage { args, servers: &servers, berth, before };
    let mut figures = Figures {
        command: command_line("bench"),
        machine,
        crew: if args.roles { "roles" } else { "fleet" }.to_owned(),
        parts,
        ..Figures::default()
    };
    for scenario in chosen(args) {
        // not before the first: what a vacuum says of empty tables, that they are, makes for other plans than what is known of new ones
        if !figures.scenarios.is_empty() {
            tables::tidy(&servers.db).await?;
        }
        let all = match scenario {
            Scenario::Growth => stage.grow().await,
            _ => stage.play(scenario).await.map(|played| vec![played]),
        };
        for played in all.with_context(|| format!("scenario {}", scenario.name()))? {
            say(&format!("{}: {}", played.name, report::in_short(&played)));
            figures.scenarios.push(played);
        }
    }
    figures.ratios = targets::ratios(&figures);
    figures.seconds = begun.elapsed().as_secs_f64();
    publish(args, &figures)
}

/// In the order of the list, each once.
fn chosen(args: &BenchArgs) -> Vec<Scenario> {
    let all = Scenario::value_variants().iter().copied();
    all.filter(|scenario| args.scenarios.is_empty() || args.scenarios.contains(scenario)).collect()
}

fn publish(args: &BenchArgs, figures: &Figures) -> anyhow::Result<()> {
    let page = report::markdown(figures);
    println(&page);
    if let Some(file) = &args.report {
        std::fs::write(file, &page).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    if let Some(file) = &args.json {
        let text = serde_json::to_string_pretty(figures)?;
        std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(())
}

/// One line with the time of day, on stderr: the report alone goes to stdout.
pub fn say(line: &str) {
    use std::io::Write;
    let now = time::OffsetDateTime::now_utc();
    // Who closed the output does not want it.
    let _ = writeln!(std::io::stderr(), "{:02}:{:02}:{:02} {line}", now.hour(), now.minute(), now.second());
}

fn println(text: &str) {
    use std::io::Write;
    // Who closed the output does not want it.
    let _ = writeln!(std::io::stdout(), "{text}");
}
