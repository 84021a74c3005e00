//! From flags to an exit code: reads the arguments, calls the command, prints its error. `src/bin/orders.rs` calls [`main`].

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use serde_json::json;

use super::args::{Args, Command};
use super::client::Client;
use super::error::{Error, UNSUCCESSFUL};
use super::output::{Output, printable};

/// How a command ended that did what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// And everything is well.
    Success,
    /// And what it found or caused is not well: a row refused, an order failed. It has said so already.
    Unsuccessful,
}

/// The whole program.
pub async fn main() -> ExitCode {
    let args = Args::parse();
    let json = args.json;
    match run(args).await {
        Ok(Outcome::Success) => ExitCode::SUCCESS,
        Ok(Outcome::Unsuccessful) => ExitCode::from(UNSUCCESSFUL),
        Err(error) => {
            if !error.is_closed_pipe() {
                // When stderr is closed too, the exit code still tells.
                let _ = writeln!(io::stderr(), "{}", describe(&error, json));
            }
            ExitCode::from(error.exit_code())
        }
    }
}

/// Runs one command.
///
/// # Errors
/// Whatever kept the command from doing what it was asked to.
pub async fn run(args: Args) -> Result<Outcome, Error> {
    let output = Output::new(args.json);
    let (api_url, timeout) = (args.api_url().to_owned(), args.request_timeout());
    let token = args.access_token().map(str::to_owned);
    let client = Client::new(&api_url, token.as_deref(), timeout)?;
    match args.command {
        Command::Submit(submit) => submit.run(&client, output, args.timeout).await,
        Command::Get(get) => get.run(&client, output).await,
        Command::List(list) => list.run(&client, output).await,
        Command::Watch(watch) => watch.run(&client, output, args.timeout).await,
        Command::Cancel(cancel) => cancel.run(&client, output).await,
        Command::Ship(ship) => ship.run(&client, output).await,
        Command::Deliver(deliver) => deliver.run(&client, output).await,
        Command::Resolve(resolve) => resolve.run(&client, output).await,
        Command::History(history) => history.run(&client, output).await,
        Command::Note(note) => note.run(&client, output).await,
        Command::Products(products) => products.run(&client, output).await,
        Command::Stock(stock) => stock.run(&client, output).await,
        Command::Import(import) => import.run(&client, output).await,
        Command::Payment(payment) => payment.run(&client, output).await,
        Command::Refund(refund) => refund.run(&client, output).await,
        Command::Stats(stats) => stats.run(&client, output).await,
        Command::Status(status) => status.run(&client, output).await,
        Command::Outbox(outbox) => outbox.run(&client, output).await,
        Command::Webhooks(webhooks) => webhooks.run(&client, output).await,
        Command::Keys(keys) => keys.run(&client, output).await,
        Command::AuditLog(log) => log.run(&client, output).await,
        Command::Audit(audit) => audit.run(output).await,
        Command::Bench(bench) => bench.run(&client, &api_url, token.as_deref(), timeout, output).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "orders", &mut script);
            output.bytes(&script)?;
            Ok(Outcome::Success)
        }
    }
}

fn describe(error: &Error, json: bool) -> String {
    if json {
        // The fields at fault follow as data.
        let text = error.to_string();
        let headline = text.lines().next().unwrap_or_default();
        return match error {
            Error::Refused(problem) => {
                json!({"error": headline, "exit_code": error.exit_code(), "problem": problem})
            }
            other => {
                json!({"error": headline, "exit_code": other.exit_code(), "errors": other.faults()})
            }
        }
        .to_string();
    }
    let text = error.to_string();
    let lines: Vec<String> = text.lines().map(printable).collect();
    format!("orders: {}", lines.join("\n"))
}
