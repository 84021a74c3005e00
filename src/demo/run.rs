//! The script of the demonstration: the stage, the fleet, the orders, the judgement, and the stage removed again whatever happened.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use tokio::time::{Instant, sleep};

use super::args::DemoArgs;
use super::catalogue::at_start;
use super::expectations::{Check, judge};
use super::facts::{Facts, Story, gather};
use super::fleet_process::{DRAIN_DEADLINE, FleetProcess, is_free};
use super::orders::{BY_FLAGS, BY_HTTP, BY_ROWS, Special};
use super::programs::Programs;
use super::repair::repair;
use super::report;
use super::screen::{Screen, seconds};
use super::shop::Shop;
use super::stage::Stage;
use super::submit::{by_amqp, by_command_line, by_http, special};
use super::watch::watch;
use crate::runtime::told_to_stop;

/// What follows a settled order (stock sold, notifications, events) is done within a second of it, if it is done at all.
const AFTERMATH: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(300);

/// What `src/bin/demo.rs` calls.
pub async fn main() -> ExitCode {
    let args = DemoArgs::parse();
    let screen = Screen::new();
    screen.line(&screen.bold("order-fleet, a demonstration"));
    match on_a_stage(&args, &screen).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("\ndemo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Plays on a stage of its own and removes it, also after an error and when the audience leaves (ctrl-c, SIGTERM).
async fn on_a_stage(args: &DemoArgs, screen: &Screen) -> anyhow::Result<bool> {
    let stage = Stage::plan(args)?;
    let programs = Programs::on(&stage)?;
    let folder = programs.output_folder();
    is_free("HTTP_ADDR", args.http_addr)?;
    is_free("METRICS_ADDR", args.metrics_addr)?;
    empty(&folder)?;
    let played = tokio::select! {
        played = play(args, screen, &stage, &programs, &folder) => played,
        told = told_to_stop() => Err(told.map_or_else(Into::into, |()| anyhow::anyhow!("told to stop"))),
    };
    let struck = stage.strike().await;
    let mut checks = match played {
        Ok(checks) => checks,
        Err(error) => {
            // Why it ended is worth more than what is left behind, but both are told.
            struck.unwrap_or_else(|left| eprintln!("demo: {left:#}"));
            let log = folder.join("fleet.log");
            return Err(if log.exists() {
                error.context(format!("ended early, see {}", log.display()))
            } else {
                error
            });
        }
    };
    let left = struck.map_or_else(|error| format!("{error:#}"), |()| "nothing".to_owned());
    checks.push(Check::same("the database and the vhost of this run are removed", "nothing", left));
    report::expectations(screen, &checks);
    Ok(conclude(screen, &checks, &folder))
}

async fn play(
    args: &DemoArgs,
    screen: &Screen,
    stage: &Stage,
    programs: &Programs,
    folder: &Path,
) -> anyhow::Result<Vec<Check>> {
    let step = screen.begin("stage", "making a database and a vhost");
    stage.build().await?;
    step.done(&format!("database {} and vhost {}", stage.database, stage.vhost));
    let second_setup = set_up(screen, programs).await?;

    let shop = Shop::at(args.http_addr, &programs.token)?;
    let step = screen.begin("fleet", "starting every role");
    let mut fleet = FleetProcess::start(programs, folder, args.http_addr, args.metrics_addr)?;
    fleet.ready(&shop).await?;
    step.done(&format!("every role is ready, the API is at {}", shop.address()));

    let story = order(screen, stage, programs, &shop, folder, second_setup).await?;
    let (watched, repaired) = tokio::join!(watch(&shop, screen, story.retried), repair(programs, &shop, screen));
    if !fleet.lives() {
        bail!("fleet ended by itself");
    }
    watched?;
    let story = Story { trouble: repaired.err().map(|error| format!("{error:#}")), ..story };

    let (facts, mut checks) = when_quiet(&story, &shop, programs, folder).await?;
    report::tables(screen, &facts);
    checks.push(stop(&mut fleet).await);
    Ok(checks)
}

/// Runs `setup` twice; answers what the second run said.
async fn set_up(screen: &Screen, programs: &Programs) -> anyhow::Result<String> {
    const NOTHING: [&str; 0] = [];
    let step = screen.begin("set-up", "migrating the database, declaring exchanges and queues");
    let first = programs.answer("setup", &NOTHING).await?;
    let bindings = first.split(',').find(|part| part.contains("bindings")).unwrap_or_default();
    let bindings = bindings.split(';').next().unwrap_or_default().trim();
    let queues = first.split("; created ").nth(1).map_or(0, |names| names.split(", ").count());
    step.done(&format!("{queues} exchanges and queues declared, {bindings}"));
    let step = screen.begin("set-up again", "looking for what is missing");
    let second = programs.answer("setup", &NOTHING).await?;
    step.done(second.rsplit("; ").next().unwrap_or_default());
    Ok(second)
}

/// The files of the run before make room: `target/demo` holds those of the last run only.
fn empty(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("{} cannot be emptied", folder.display()))?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))
}

async fn order(
    screen: &Screen,
    stage: &Stage,
    programs: &Programs,
    shop: &Shop,
    folder: &Path,
    second_setup: String,
) -> anyhow::Result<Story> {
    let step = screen.begin("products", "filling the shelves");
    for product in at_start() {
        shop.create(&product).await?;
    }
    let units: i64 = at_start().map(|product| product.stock).sum();
    step.done(&format!("{} products, {units} units on the shelves", at_start().count()));

    let step = screen.begin("by HTTP", "sending orders");
    let http = by_http(shop).await?;
    step.done(&format!("{BY_HTTP} orders: one too large, one declined, one whose payment errs twice"));
    let step = screen.begin("by CLI", "sending orders");
    let command_line = by_command_line(programs, shop, folder).await?;
    let all = command_line.len();
    step.done(&format!("{all} orders: {BY_FLAGS} by flags, {BY_ROWS} as rows of a file"));
    let step = screen.begin("over AMQP", "publishing orders");
    let amqp = by_amqp(programs, stage).await?;
    step.done("2 orders, 1 of an unknown product, 1 message that is no order");
    Ok(Story {
        second_setup,
        out_of_stock: special(&http, Special::OutOfStock)?,
        declined: special(&http, Special::Declined)?,
        retried: special(&http, Special::RetriedTwice)?,
        by_http: http,
        by_command_line: command_line,
        by_amqp: amqp,
        trouble: None,
    })
}

/// Looks until everything holds, or until what does not hold has had its time.
async fn when_quiet(
    story: &Story,
    shop: &Shop,
    programs: &Programs,
    folder: &Path,
) -> anyhow::Result<(Facts, Vec<Check>)> {
    let deadline = Instant::now() + AFTERMATH;
    loop {
        let facts = gather(story, shop, programs, folder).await?;
        let checks = judge(story, &facts);
        if checks.iter().all(|check| check.holds) || Instant::now() >= deadline {
            return Ok((facts, checks));
        }
        sleep(PAUSE).await;
    }
}

async fn stop(fleet: &mut FleetProcess) -> Check {
    let found = match fleet.stop().await {
        Ok((status, took)) if status.success() => format!("exit code 0 after {}", seconds(took)),
        Ok((status, took)) => format!("{status} after {}", seconds(took)),
        Err(error) => format!("{error:#}"),
    };
    Check {
        claim: "the fleet stops in order on SIGTERM".to_owned(),
        expected: format!("exit code 0 within {} s", DRAIN_DEADLINE.as_secs()),
        holds: found.starts_with("exit code 0"),
        found,
    }
}

fn conclude(screen: &Screen, checks: &[Check], folder: &Path) -> bool {
    let held = checks.iter().filter(|check| check.holds).count();
    let all = held == checks.len();
    let verdict = format!("{held} of {} expectations held", checks.len());
    let verdict = if all { screen.good(&verdict) } else { screen.bad(&verdict) };
    screen.line(&format!("\n{} {verdict} in {}", screen.tick(all), seconds(screen.elapsed())));
    let what = if all { "mails and push messages" } else { "the fleet's log, mails and push messages" };
    screen.line(&screen.dim(&format!("  {what}: {}", folder.display())));
    all
}
